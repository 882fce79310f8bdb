#include "capi/omnilink.h"
#include "core/errc.hpp"

using omnilink::core::errc;

// The numbers are the callers'; ours may not move away from under them.
static_assert(OMNILINK_E_TIMED_OUT == int(errc::timed_out) && OMNILINK_E_REFUSED == int(errc::refused) &&
              OMNILINK_E_UNREACHABLE == int(errc::unreachable) && OMNILINK_E_RESET == int(errc::reset) &&
              OMNILINK_E_CLOSED_EARLY == int(errc::closed_early) && OMNILINK_E_IO_FAILED == int(errc::io_failed) &&
              OMNILINK_E_NAME_NOT_FOUND == int(errc::name_not_found) && OMNILINK_E_RESOLVE_FAILED == int(errc::resolve_failed) &&
              OMNILINK_E_AUTH_FAILED == int(errc::auth_failed) && OMNILINK_E_HOP_REFUSED == int(errc::hop_refused) &&
              OMNILINK_E_TLS_FAILED == int(errc::tls_failed) && OMNILINK_E_REJECTED == int(errc::rejected) && OMNILINK_E_RULES_CHANGED == int(errc::rules_changed) &&
              OMNILINK_E_BAD_VERSION == int(errc::bad_version) && OMNILINK_E_BAD_MESSAGE == int(errc::bad_message) &&
              OMNILINK_E_NOT_REDIRECTED == int(errc::not_redirected) && OMNILINK_E_LIMIT_REACHED == int(errc::limit_reached) &&
              OMNILINK_E_CANCELED == int(errc::canceled) && OMNILINK_E_SHUTTING_DOWN == int(errc::shutting_down) &&
              OMNILINK_E_UNSUPPORTED == int(errc::unsupported) && OMNILINK_E_NOT_FOUND == int(errc::not_found) &&
              OMNILINK_E_PERMISSION_DENIED == int(errc::permission_denied) && OMNILINK_E_INTERNAL == int(errc::internal));

namespace {

struct text {
  const char* name;
  const char* meaning;
};

text text_of(int code) noexcept {
  switch (code) {
    case OMNILINK_E_ARGUMENT: return {"argument", "an argument is not legal"};
    case OMNILINK_E_SIZE: return {"size", "a structure is of an unknown version"};
    case OMNILINK_E_AMBIGUOUS: return {"ambiguous", "several connections match"};
  }
  if (code < 0 || code > int(errc::internal)) return {"unknown", "an unknown code"};
  // Literals, which end with a zero.
  const auto one = static_cast<errc>(code);
  return {omnilink::core::name_of(one).data(), omnilink::core::meaning_of(one).data()};
}

}  // namespace

extern "C" {

const char* omnilink_code_name(int code) { return text_of(code).name; }
const char* omnilink_code_text(int code) { return text_of(code).meaning; }

}  // extern "C"
