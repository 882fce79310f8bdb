// What stays of programs when their process ends: links pinned in a BPF file system, in folders of each service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/descriptor.hpp"

namespace omnilink::interceptor::bpf {

/// A folder of this process's pins, held for as long as it lives.
class pin_folder {
 public:
  /// Makes it, for the network namespace with this cookie and the programs that are called so. Empty: done; otherwise cause and remedy.
  std::string make(std::uint64_t netns, std::string_view programs);
  bool made() const noexcept { return !path_.empty(); }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  /// Where nothing is in it.
  void remove_if_empty() noexcept;

 private:
  std::string path_;
  io::descriptor held_;
};

struct pinned {
  std::string path;      ///< of a folder
  bool in_use = false;   ///< its process lives
  bool here = false;     ///< of this network namespace
};

/// Those of all services. Needs to be root, as making them does.
std::vector<pinned> find_pins(std::uint64_t netns);

/// Detaches what is pinned in that folder, and removes it. Empty: done.
std::string remove_pins(const std::string& folder);

/// The guards of services that were in this network namespace before: others are in force by now.
void take_over(std::uint64_t netns);

/// Empty: a guard can stay here.
std::string why_nothing_can_be_pinned();

/// The cookie of this process's network namespace; 0: it cannot be asked for.
std::uint64_t netns_cookie() noexcept;

}  // namespace omnilink::interceptor::bpf
