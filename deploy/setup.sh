# shellcheck shell=bash
# What deploy/run and tests/run share: the packages, and the build. To be sourced; says everything on stderr, so that the
# caller's standard output stays its own.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The compiler needs this much for our largest file; a smaller machine builds with fewer jobs instead of swapping.
job_memory_kib=$((1400 * 1024))

say() { printf '%s\n' "omnilink: $*" >&2; }
die() { say "$*"; exit 1; }

# packages SECTION…: their names.
packages() {
  local section
  for section; do awk -v s="$section" '$1 == s { print $2 }' "$root/deploy/packages.txt"; done
}

# missing PACKAGE…: those that are not installed.
missing() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii //p')
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# install SECTION…: the missing packages of these sections, with apt-get.
install() {
  local names as_root=()
  command -v apt-get >/dev/null ||
    die "this set-up needs Debian 12 (no apt-get here); elsewhere install the like of: $(packages "$@" | xargs)"
  mapfile -t names < <(packages "$@")
  mapfile -t names < <(missing "${names[@]}")
  ((${#names[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "you are not root and there is no sudo; as root: apt-get install ${names[*]}"
    as_root=(sudo)
  fi
  say "installing ${#names[@]} packages: ${names[*]}"
  "${as_root[@]}" apt-get update -q >&2 || die "apt-get update failed, see above"
  # shellcheck disable=SC2016
  "${as_root[@]}" bash -c '
    set -e
    # Servers among the packages are for tests, which start their own; Debian would start them now.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      trap "rm -f $policy" EXIT
      printf "#!/bin/sh\nexit 101\n" >$policy
      chmod 755 $policy
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null
  ' install "${names[@]}" >&2 || die "apt-get could not install: ${names[*]}; see above"
  # What cmake did not find before may be there now.
  rm -f "$root"/build/*/build.ninja
}

# jobs: how many compilers at once.
jobs_at_once() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  local fit=$((memory / job_memory_kib))
  ((fit < 1)) && fit=1
  echo $((fit < cores ? fit : cores))
}

# build PRESET TARGET…: configures when needed, builds; one build of a preset at a time.
build() {
  local preset=$1 folder=$root/build/$1 lock
  shift
  mkdir -p "$folder" 2>/dev/null
  [[ -w $folder ]] || die "you may not write to $folder (built as another user?); remove $root/build or be its owner"
  exec {lock}>"$folder/.lock" || die "cannot open $folder/.lock"
  flock -n "$lock" || { say "another build is running here; waiting for it"; flock "$lock"; }
  if [[ ! -e $folder/build.ninja ]]; then
    say "configuring $preset"
    (cd "$root" && cmake --preset "$preset" --log-level=WARNING) >&2 || die "cmake failed, see above"
  fi
  if ! ninja -C "$folder" -n "$@" 2>/dev/null | grep -q 'no work to do'; then
    say "building $preset, $(jobs_at_once) files at once; the first time takes some minutes"
    ninja -C "$folder" -j "$(jobs_at_once)" "$@" >&2 || die "the build of $preset failed, see above"
  fi
  exec {lock}>&-
}
