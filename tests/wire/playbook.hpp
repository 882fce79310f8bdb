// Runs handshakes over vectors: whole, cut at every place, cut short, over noise, and against each other.
// Knows no test framework, so that unit tests and fuzz targets share it: a check returns what is wrong, or
// nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/errc.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire::playbook {

using buffer = std::vector<std::uint8_t>;

/// No handshake may hold more of its peer's bytes at once.
inline constexpr std::size_t held_max = 64 * 1024;

inline buffer operator""_b(const char* text, std::size_t size) {
  return {text, text + size};
}
inline std::string text_of(const buffer& data) {
  return {data.begin(), data.end()};
}
inline buffer operator+(buffer left, const buffer& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// What became of one run.
struct played {
  bool done = false;
  core::errc code = core::errc::ok;  ///< meaningful when done
  std::size_t taken = 0;             ///< of the input; the rest belongs to the stream
  buffer sent;
  std::string outcome;  ///< the script's out value in words
  bool greedy = false;  ///< it asked for more than held_max
  friend bool operator==(const played&, const played&) = default;
};

inline std::string to_string(const played& p) {
  return (p.done ? std::string{core::name_of(p.code)} : "unfinished") + ", took " + std::to_string(p.taken) +
         ", sent \"" + text_of(p.sent) + "\", " + p.outcome;
}

/// One side while it runs. Scene: `handshake start()` and `std::string outcome()`; it holds the script's out
/// value. A role of several scripts has `std::optional<handshake> next()` too, for when one has ended well.
template <class Scene>
class player {
 public:
  explicit player(Scene scene) : scene_{std::move(scene)}, script_{scene_.start()} { flush(); }
  player(const player&) = delete;
  player& operator=(const player&) = delete;

  /// Gives it one piece, as far as it takes it.
  void give(bytes piece) {
    while (!piece.empty() && script_.now() == handshake::state::receiving) {
      if (script_.needed() == 0 || script_.needed() > held_max) {
        result_.greedy = true;
        return;
      }
      const std::size_t took = script_.feed(piece);
      result_.taken += took;
      piece = piece.subspan(took);
      flush();
    }
  }
  bool done() const { return script_.done(); }
  const buffer& sent() const { return result_.sent; }
  std::size_t taken() const { return result_.taken; }
  Scene& scene() { return scene_; }
  played finish() {
    result_.done = script_.done();
    if (result_.done) result_.code = script_.result();
    result_.outcome = scene_.outcome();
    return result_;
  }

 private:
  void flush() {
    do {
      while (script_.now() == handshake::state::sending) {
        const bytes out = script_.output();
        result_.sent.insert(result_.sent.end(), out.begin(), out.end());
        script_.sent();
      }
    } while (begin_next());
  }

  bool begin_next() {
    if constexpr (requires(Scene& scene) { scene.next(); }) {
      if (!script_.done() || script_.result() != core::errc::ok) return false;
      auto more = scene_.next();
      if (more) script_ = std::move(*more);
      return more.has_value();
    }
    return false;
  }

  Scene scene_;
  handshake script_;
  played result_;
};

/// Plays `input` in pieces that end at `cuts` (ascending, within the input) and at its end.
template <class Scene>
played play(const Scene& scene, bytes input, const std::vector<std::size_t>& cuts = {}) {
  player<Scene> one{scene};
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    one.give(input.subspan(begin, cut - begin));
    begin = cut;
  }
  one.give(input.subspan(begin));
  return one.finish();
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

inline std::vector<std::size_t> random_cuts(std::size_t size, std::mt19937_64& random) {
  std::vector<std::size_t> cuts(random() % 8);
  for (std::size_t& cut : cuts) cut = random() % (size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

template <class Scene>
std::string compare(const Scene& scene, bytes input, const std::vector<std::size_t>& cuts,
                    const played& expected) {
  const played got = play(scene, input, cuts);
  if (got == expected) return {};
  return "whole: " + to_string(expected) + "; cut first at " +
         std::to_string(cuts.empty() ? 0 : cuts.front()) + ": " + to_string(got);
}

/// The outcome is the same whole, byte by byte, cut in two at every place, in three at every pair of places
/// (short inputs), and at random.
template <class Scene>
std::string check_splits(const Scene& scene, bytes input) {
  constexpr std::size_t short_input = 48;
  const played expected = play(scene, input);
  if (expected.greedy) return "asked for more than may be held";
  if (auto wrong = compare(scene, input, every_byte(input.size()), expected); !wrong.empty()) return wrong;
  for (std::size_t i = 1; i < input.size(); ++i) {
    if (auto wrong = compare(scene, input, {i}, expected); !wrong.empty()) return wrong;
    for (std::size_t j = i + 1; input.size() <= short_input && j < input.size(); ++j) {
      if (auto wrong = compare(scene, input, {i, j}, expected); !wrong.empty()) return wrong;
    }
  }
  std::mt19937_64 random{input.size()};
  for (int i = 0; i < 50; ++i) {
    if (auto wrong = compare(scene, input, random_cuts(input.size(), random), expected); !wrong.empty())
      return wrong;
  }
  return {};
}

/// `input` succeeds, and takes exactly `length` of its bytes; every shorter prefix leaves the script waiting.
template <class Scene>
std::string check_truncation(const Scene& scene, bytes input, std::size_t length) {
  const played whole = play(scene, input);
  if (!whole.done || whole.code != core::errc::ok || whole.taken != length)
    return "not good input: " + to_string(whole);
  for (std::size_t i = 0; i < length; ++i) {
    const played cut = play(scene, input.first(i));
    if (cut.done || cut.taken != i) return "cut at " + std::to_string(i) + ": " + to_string(cut);
  }
  return {};
}

/// Noise, and `good` with some bytes changed: never more held than allowed, and the same at every split.
template <class Scene>
std::string check_noise(const Scene& scene, bytes good, int rounds = 2000) {
  std::mt19937_64 random{rounds + good.size()};
  for (int round = 0; round < rounds; ++round) {
    buffer input{good.begin(), good.end()};
    if (round % 2 == 0) {
      input.resize(random() % 64);
      for (std::uint8_t& b : input) b = static_cast<std::uint8_t>(random());
    }
    for (std::size_t i = random() % 4; i > 0 && !input.empty(); --i) {
      input[random() % input.size()] = static_cast<std::uint8_t>(random());
    }
    const played expected = play(scene, input);
    if (expected.greedy) return "asked for more than may be held: \"" + text_of(input) + "\"";
    if (auto wrong = compare(scene, input, every_byte(input.size()), expected); !wrong.empty()) return wrong;
    if (auto wrong = compare(scene, input, random_cuts(input.size(), random), expected); !wrong.empty())
      return wrong;
  }
  return {};
}

/// Feeds two roles to each other in pieces of at most `piece` bytes until neither goes on. `answer()` is
/// called once the server's script is done: what its caller then says (a reply).
template <class Client, class Server, class Answer>
std::pair<played, played> run_against(const Client& client, const Server& server, std::size_t piece,
                                      Answer answer) {
  player<Client> left{client};
  player<Server> right{server};
  buffer to_client;
  bool answered = false;
  for (bool moved = true; moved;) {
    const std::size_t before = left.taken() + right.taken();
    const bytes from_client = bytes{left.sent()}.subspan(right.taken());
    right.give(from_client.first(std::min(piece, from_client.size())));
    if (right.done() && !answered) {
      to_client = right.sent() + answer(right.scene());
      answered = true;
    }
    const buffer& speech = answered ? to_client : right.sent();
    const bytes from_server = bytes{speech}.subspan(left.taken());
    left.give(from_server.first(std::min(piece, from_server.size())));
    moved = left.taken() + right.taken() != before;
  }
  return {left.finish(), right.finish()};
}

}  // namespace omnilink::wire::playbook
