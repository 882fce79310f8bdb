#include "actors/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "actors/admission.hpp"
#include "io/log.hpp"
#include "io/process_usage.hpp"

namespace omnilink::actors {
namespace {

using labels = std::vector<prometheus::ClientMetric::Label>;
using metric_kind = prometheus::MetricType;

double seconds(core::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

// One family: its name, its meaning, and its samples.
class family {
 public:
  family(std::string name, std::string help, metric_kind what) : out_{std::move(name), std::move(help), what, {}} {}

  template <class Number>
  family& add(labels of, Number value) {
    auto& one = out_.metric.emplace_back();
    one.label = std::move(of);
    (out_.type == metric_kind::Counter ? one.counter.value : one.gauge.value) = static_cast<double>(value);
    return *this;
  }

  template <const auto& Bounds>
  family& add(labels of, const histogram<Bounds>& seen) {
    auto& one = out_.metric.emplace_back();
    one.label = std::move(of);
    std::uint64_t up_to_here = 0;
    for (std::size_t i = 0; i < std::size(Bounds); ++i) {
      up_to_here += seen.counts[i];
      one.histogram.bucket.push_back({up_to_here, seconds(Bounds[i])});
    }
    one.histogram.sample_count = up_to_here + seen.counts.back();
    one.histogram.sample_sum = seconds(seen.sum);
    return *this;
  }

  prometheus::MetricFamily take() { return std::move(out_); }

 private:
  prometheus::MetricFamily out_;
};

class exposition {
 public:
  exposition(const control& home, const worker_view& all) : home_{home}, all_{all} {}

  std::string text() {
    service();
    listeners();
    library();
    chains();
    hops();
    nat();
    process();
    return prometheus::TextSerializer{}.Serialize(families_);
  }

 private:
  void put(family& one) { families_.push_back(one.take()); }

  void service() {
    put(family{"omnilink_build_info", "The version; always 1.", metric_kind::Gauge}.add({{"version", OMNILINK_VERSION}}, 1));
    put(family{"omnilink_workers", "Threads that carry connections.", metric_kind::Gauge}.add({}, home_.workers.size()));
    put(family{"omnilink_loops_total", "Connections refused because they led to our own listeners.", metric_kind::Counter}
            .add({}, home_.shared->loops.load()));
    put(family{"omnilink_actor_restarts_total", "Parts of the service that failed and were started again.", metric_kind::Counter}
            .add({}, home_.shared->restarts.load()));
    put(family{"omnilink_log_lines_dropped_total", "Log lines lost because nobody read fast enough.", metric_kind::Counter}
            .add({}, io::log::lines_dropped()));
  }

  void listeners() {
    family accepted{"omnilink_connections_accepted_total", "Connections taken, by listener.", metric_kind::Counter};
    const auto taken_by = [this](std::size_t listener) {
      const std::size_t place = tally::place_of(listener);
      return place < all_.counted.accepted.size() ? all_.counted.accepted[place] : 0;
    };
    for (std::size_t i = 0; i < home_.listening.size(); ++i) {
      auto named = home_.settings->config.listeners[i];
      named.where = home_.listening[i];  // with the real port
      accepted.add({{"listener", named.to_string()}}, taken_by(i));
    }
    if (home_.shared->sandboxed) accepted.add({{"listener", "sandbox"}}, taken_by(way_in::unnamed));
    put(accepted);
    family refused{"omnilink_connections_refused_total", "Connections reset at once, by the limit that they were over.", metric_kind::Counter};
    for (std::size_t i = 1; i < over_limits; ++i) {
      const auto limit = static_cast<over_limit>(i);
      refused.add({{"limit", name_of(limit)}}, home_.shared->gate.turned_away(limit));
    }
    put(refused);
    put(family{"omnilink_accept_pauses_total", "Times that a listener paused: out of descriptors or memory.", metric_kind::Counter}
            .add({}, all_.counted.accept_pauses));
  }

  void library() {
    const interceptor::library* of = home_.shared->library;
    if (!of) return;
    family questions{"omnilink_library_questions_total", "Questions to the callouts of the program that started the service, by what became of them; late: answers that nobody waited for.",
                     metric_kind::Counter};
    for (std::size_t i = 0; i < interceptor::library_outcomes; ++i) {
      const auto what = static_cast<interceptor::library_outcome>(i);
      questions.add({{"outcome", std::string{word_of(what)}}}, of->counted(what));
    }
    put(questions);
    put(family{"omnilink_library_verdicts_lost_total", "Verdicts that it was not told, because it did not read.", metric_kind::Counter}.add({}, of->verdicts_lost()));
  }

  // The built-in ones only once they have been of use.
  bool shown(std::size_t chain) const {
    if (chain > numbering::other || all_.on_chain[chain] != 0) return true;
    for (const auto& steps_of : all_.counted.chains[chain].finished) {
      for (const std::uint64_t count : steps_of) {
        if (count != 0) return true;
      }
    }
    return false;
  }

  void chains() {
    family running{"omnilink_connections", "Running connections; without a chain: it is not known yet.", metric_kind::Gauge};
    family finished{"omnilink_connections_finished_total", "Connections that ended, by verdict.", metric_kind::Counter};
    family bytes{"omnilink_bytes_total", "Payload carried; up is from the client.", metric_kind::Counter};
    family dial{"omnilink_dial_duration_seconds", "From the route to the last hop's yes, of dials that succeeded.", metric_kind::Histogram};
    family life{"omnilink_connection_duration_seconds", "Of connections that ended.", metric_kind::Histogram};
    for (std::size_t i = 0; i < all_.counted.chains.size(); ++i) {
      if (!shown(i)) continue;
      const labels chain{{"chain", home_.numbers.chains()[i]}};
      const chain_tally& counted = all_.counted.chains[i];
      running.add(chain, all_.on_chain[i]);
      add_verdicts(finished, chain, counted);
      bytes.add({chain[0], {"direction", "up"}}, counted.up).add({chain[0], {"direction", "down"}}, counted.down);
      dial.add(chain, counted.dial);
      life.add(chain, counted.life);
    }
    for (family* one : {&running, &finished, &bytes, &dial, &life}) put(*one);
  }

  static void add_verdicts(family& to, const labels& chain, const chain_tally& counted) {
    for (std::size_t code = 0; code < codes; ++code) {
      for (std::size_t step = 0; step < steps; ++step) {
        if (counted.finished[code][step] == 0) continue;
        to.add({chain[0],
                {"code", std::string{core::name_of(static_cast<core::errc>(code))}},
                {"step", std::string{core::name_of(static_cast<core::step>(step))}}},
               counted.finished[code][step]);
      }
    }
  }

  void hops() {
    family up{"omnilink_hop_up", "1: the last connection that can tell found the hop in order; 0: it did not.", metric_kind::Gauge};
    family failures{"omnilink_hop_consecutive_failures", "Failures of the hop since its last success.", metric_kind::Gauge};
    family running{"omnilink_hop_connections", "Running connections whose chain has the hop.", metric_kind::Gauge};
    family took{"omnilink_hop_step_duration_seconds", "Steps of dials that reached the hop, failed ones too.", metric_kind::Histogram};
    for (std::size_t i = 1; i < all_.counted.hops.size(); ++i) {
      const numbering::hop_name& name = home_.numbers.hops()[i];
      const labels hop{{"hop", name.name}, {"url", name.url}};
      if (i < home_.health.size() && !home_.health[i].untried()) {
        up.add(hop, home_.health[i].failing() ? 0 : 1);
        failures.add(hop, home_.health[i].failures_in_a_row());
      }
      running.add(hop, all_.through_hop[i]);
      const hop_tally& counted = all_.counted.hops[i];
      took.add({hop[0], hop[1], {"step", "connect"}}, counted.connect);
      took.add({hop[0], hop[1], {"step", "tls"}}, counted.tls);
      took.add({hop[0], hop[1], {"step", "request"}}, counted.request);
    }
    for (family* one : {&up, &failures, &running, &took}) put(*one);
  }

  void nat() {
    const nat::stats& n = all_.nat;
    put(family{"omnilink_nat_entries", "Entries of the NAT table; closed ones still answer for a while.", metric_kind::Gauge}
            .add({{"state", "live"}}, n.live)
            .add({{"state", "announced"}}, n.announced)
            .add({{"state", "closed"}}, n.closed));
    put(family{"omnilink_nat_erased_total", "Entries that somebody deleted.", metric_kind::Counter}.add({}, n.erased));
    put(family{"omnilink_nat_capacity", "Entries that the NAT table can hold.", metric_kind::Gauge}.add({}, n.capacity));
    put(family{"omnilink_nat_inserted_total", "Entries made.", metric_kind::Counter}.add({}, n.inserted));
    put(family{"omnilink_nat_expired_total", "Closed entries taken out, by time or to make room.", metric_kind::Counter}.add({}, n.expired));
    put(family{"omnilink_nat_replaced_total", "Entries whose source port came again before they expired.", metric_kind::Counter}.add({}, n.replaced));
    put(family{"omnilink_nat_refused_total", "Connections refused because the table was full.", metric_kind::Counter}.add({}, n.refused));
  }

  // The names that every Prometheus client library gives these.
  void process() {
    const io::process_usage usage = io::usage_of_this_process();
    const double begun = std::chrono::duration<double>(home_.begun.time_since_epoch()).count();
    put(family{"process_start_time_seconds", "Since the epoch.", metric_kind::Gauge}.add({}, begun));
    put(family{"process_cpu_seconds_total", "User and system time.", metric_kind::Counter}.add({}, usage.cpu_seconds));
    put(family{"process_resident_memory_bytes", "Resident memory.", metric_kind::Gauge}.add({}, usage.resident_bytes));
    put(family{"process_max_fds", "Descriptors that the process may have.", metric_kind::Gauge}.add({}, usage.descriptors_max));
    if (usage.descriptors) put(family{"process_open_fds", "Descriptors in use.", metric_kind::Gauge}.add({}, *usage.descriptors));
  }

  const control& home_;
  const worker_view& all_;
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace

std::string metrics_text(const control& home, const worker_view& all) { return exposition{home, all}.text(); }

}  // namespace omnilink::actors
