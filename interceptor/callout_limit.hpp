// `limit`: connections at once and a second, and bytes a second, of all connections with the same values of some fields. What is
// over a limit of connections is blocked for good; bytes are slowed (flow::limit).
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/token_bucket.hpp"
#include "interceptor/callouts.hpp"
#include "interceptor/filter/flow.hpp"

namespace omnilink::interceptor {

class callout_limit final : public filter::callout {
 public:
  /// `former` itself, if it is such a limit already; otherwise one that counts the connections of `former` too, where that was a
  /// limit by the same fields.
  static std::shared_ptr<filter::callout> make(const limit_settings& settings, std::shared_ptr<filter::callout> former);
  callout_limit(const limit_settings& settings, std::shared_ptr<callout_limit> former);

  void classify(const filter::values& known, const filter::metadata& about, filter::layer_data data, const filter::filter& by,
                std::uint64_t context, filter::classify_out& out) override;
  void flow_delete(filter::layer_id where, std::uint64_t context) override;

  /// Values that are told apart now.
  std::size_t keys() const;

 private:
  struct part;
  /// What connections with the same values share.
  struct account {
    part& home;
    std::uint32_t connections = 0;
    std::optional<core::token_bucket> rate{};
    std::shared_ptr<filter::rates> bytes{};
    std::string key{};
  };
  // Workers meet here at every connection: not all at one lock.
  struct alignas(64) part {
    mutable std::mutex mutex;
    std::unordered_map<std::string, account> of;
    account others{*this};      // of those beyond limit_settings::keys
    core::instant look_again{};  // for accounts that nobody needs, when there are too many
  };
  static constexpr std::size_t parts = 16;

  std::string key_of(const filter::values& known) const;
  part& part_of(const std::string& key) const;
  account& account_of(part& here, const std::string& key, core::instant now);
  void open(account& fresh) const;
  bool is_idle(const account& one, core::instant now) const;
  std::uint32_t connections_of(const std::string& key) const;
  std::uint32_t all_connections() const;

  const limit_settings settings_;
  const std::string salt_;
  std::shared_ptr<callout_limit> former_;
  mutable std::array<part, parts> parts_;
};

}  // namespace omnilink::interceptor
