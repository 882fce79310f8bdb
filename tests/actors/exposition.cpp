#include "tests/actors/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <set>
#include <sstream>

namespace omnilink::test {
namespace {

using label_set = std::map<std::string, std::string>;

std::string key_of(const std::string& name, const label_set& labels) {
  std::string out;
  for (const auto& [label, value] : labels) out += (out.empty() ? "" : ",") + label + "=\"" + value + "\"";
  return out.empty() ? name : name + "{" + out + "}";
}

class reader {
 public:
  exposition read(const std::string& text) {
    if (!text.ends_with('\n')) complain("no line feed at the end");
    std::istringstream lines{text};
    while (std::getline(lines, line_)) {
      if (line_.starts_with("# HELP ")) read_help();
      else if (line_.starts_with("# TYPE ")) read_type();
      else read_sample();
    }
    check_histograms();
    return std::move(out_);
  }

 private:
  void complain(const std::string& what) { out_.wrong.push_back(what + ": " + line_); }

  void read_help() {
    static const std::regex form{R"(# HELP ([a-z_][a-z0-9_]*) (.+\.))"};
    std::smatch found;
    if (!std::regex_match(line_, found, form)) return complain("no help");
    family_ = found[1];
    type_.clear();
    if (!helped_.insert(family_).second) complain("a family twice");
  }

  void read_type() {
    static const std::regex form{R"(# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram))"};
    std::smatch found;
    if (!std::regex_match(line_, found, form)) return complain("no type");
    if (found[1] != family_ || !type_.empty()) return complain("a type without its help");
    type_ = found[2];
    out_.types[family_] = type_;
    const bool total = family_.ends_with("_total");
    if (total != (type_ == "counter")) complain("counters, and only they, end in _total");
    if (type_ == "histogram" && !family_.ends_with("_seconds")) complain("a histogram without a base unit");
  }

  void read_sample() {
    static const std::regex form{R"(([a-z_][a-z0-9_]*)(\{(.*)\})? (\S+))"};
    static const std::regex label{R"#(([a-z_][a-z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(,|$))#"};
    std::smatch found;
    if (!std::regex_match(line_, found, form)) return complain("not a sample");
    const std::string name = found[1], value = found[4];
    const bool of_family = type_ == "histogram"
                               ? name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count"
                               : name == family_;
    if (!of_family) complain("a sample outside of its family");
    label_set labels;
    std::string rest = found[3];
    for (std::smatch one; !rest.empty(); rest = one.suffix()) {
      if (!std::regex_search(rest, one, label, std::regex_constants::match_continuous)) return complain("not a label");
      if (!labels.emplace(one[1], one[2]).second) complain("a label twice");
    }
    std::size_t used = 0;
    const double number = std::stod(value, &used);
    if (used != value.size() || std::isnan(number) || number < 0) complain("not a number that can be");
    if (!out_.samples.emplace(key_of(name, labels), number).second) complain("a sample twice");
    if (name == family_ + "_bucket" && type_ == "histogram") {
      const std::string end = labels["le"];
      labels.erase("le");
      buckets_[key_of(family_, labels)].emplace_back(end == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(end), number);
    }
  }

  void check_histograms() {
    for (const auto& [key, buckets] : buckets_) {
      line_ = key;
      if (!std::is_sorted(buckets.begin(), buckets.end())) complain("buckets do not rise");
      if (!std::is_sorted(buckets.begin(), buckets.end(), [](auto& a, auto& b) { return a.second < b.second; }))
        complain("buckets are not cumulative");
      const std::size_t brace = std::min(key.find('{'), key.size());
      const double count = out_.of(key.substr(0, brace) + "_count" + key.substr(brace));
      if (!std::isinf(buckets.back().first) || buckets.back().second != count) complain("+Inf is not the count");
      if (out_.of(key.substr(0, brace) + "_sum" + key.substr(brace)) < 0) complain("no sum");
    }
  }

  exposition out_;
  std::string line_, family_, type_;
  std::set<std::string> helped_;
  std::map<std::string, std::vector<std::pair<double, double>>> buckets_;
};

}  // namespace

exposition exposition::read(const std::string& text) { return reader{}.read(text); }

double exposition::of(const std::string& sample) const {
  const auto found = samples.find(sample);
  return found == samples.end() ? -1 : found->second;
}

}  // namespace omnilink::test
