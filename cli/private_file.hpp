// The files that hops and listeners name: logins, certificates, keys.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <string>

#include "core/secret.hpp"

namespace omnilink::cli {

enum class readers : bool { owner, anybody };

/// The whole content of a regular file; with readers::owner only when nobody else can read it (0600 or 0400). The path may begin
/// with "${CREDENTIALS_DIRECTORY}/", which systemd sets. `others` gets the permission
/// bits that everybody else has. The error is one line that begins with the path.
boost::system::result<core::secret, std::string> read_private_file(const std::string& path, std::size_t size_max, readers who,
                                                                unsigned* others = nullptr);

}  // namespace omnilink::cli
