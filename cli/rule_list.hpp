// A block list or a list of networks, which a rule names with rules_from.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace omnilink::cli {

struct rule_list {
  std::string key;                   ///< of `match`: "host" or "cidr"
  std::vector<std::string> entries;  ///< each is valid
};

/// One entry a line: a host as in `host`, a network as in `cidr`, or a line of a hosts file, "0.0.0.0 ads.example"; '#' begins a
/// comment. All of a file are hosts, or all are networks. The error is one line that begins with the path.
boost::system::result<rule_list, std::string> read_rule_list(const std::string& path);

/// The same of text; the error begins with the line's number.
boost::system::result<rule_list, std::string> parse_rule_list(std::string_view text);

}  // namespace omnilink::cli
