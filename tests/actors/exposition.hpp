// A strict reader of Prometheus' text format (0.0.4): what it does not accept, a server may not accept either.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace omnilink::test {

struct exposition {
  std::map<std::string, std::string> types;  ///< of each family
  std::map<std::string, double> samples;     ///< `name{a="b",c="d"}`, labels in order of name
  std::vector<std::string> wrong;            ///< one line per breach; empty: all is well

  static exposition read(const std::string& text);
  /// -1: there is none.
  double of(const std::string& sample) const;
};

}  // namespace omnilink::test
