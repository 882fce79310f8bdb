// Where the body of an HTTP message ends (RFC 9112 section 6): its bytes are handed on as they are, once they have proved to
// belong to it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/handshake.hpp"

namespace omnilink::wire {

class http_body {
 public:
  static http_body none() noexcept { return {}; }
  static http_body of_length(std::uint64_t bytes) noexcept;
  static http_body chunked() noexcept;
  /// A response's that ends with its connection.
  static http_body until_close() noexcept;

  struct taken {
    std::size_t count;  ///< of the bytes: they belong to the body, its framing included
    errc code;          ///< bad_message or oversized: what follows is no body, and nobody knows where it ends
  };
  /// `data` is what follows what was taken before.
  taken take(bytes data) noexcept;
  bool complete() const noexcept { return now_ == state::complete; }
  bool ends_by_close() const noexcept { return now_ == state::until_close; }

 private:
  // The chunked coding's states are named after the byte that they wait for.
  enum class state : std::uint8_t {
    complete, until_close, length,
    size_first, size, extension, size_lf, data, data_cr, data_lf,
    trailer, trailer_name, trailer_value, trailer_lf, last_lf,
  };

  errc step(std::uint8_t byte) noexcept;
  errc count_text() noexcept;

  state now_ = state::complete;
  std::uint64_t left_ = 0;      // of the length, or of the chunk
  std::size_t digits_ = 0;      // of the chunk's size
  std::size_t text_ = 0;        // bytes of this chunk's extensions, or of the trailer
  std::size_t trailers_ = 0;
};

}  // namespace omnilink::wire
