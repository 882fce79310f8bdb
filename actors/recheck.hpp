// Running connections are asked about again when the rules change: all of a worker's, in slices, and the one first that was asked about
// longest ago.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace omnilink::actors {

struct worker_settings;

class recheck {
 public:
  /// A connection that was let go; it takes itself out at its end.
  class subject : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    /// The rules are these now. It may be canceled here, but lives on until this has returned.
    virtual void ask_again(const worker_settings& now) = 0;

   protected:
    ~subject() = default;

   private:
    friend recheck;
    std::uint64_t round_ = 0;
  };

  explicit recheck(boost::asio::io_context& io) : io_{io} {}

  /// Those in force have let it go.
  void add(subject& one);
  /// Everyone is to be asked about; whoever waits for the round before is asked about once.
  void begin(std::shared_ptr<const worker_settings> now);

  /// Connections of a slice: each costs a few microseconds, while the sockets wait.
  static constexpr std::size_t slice_size = 16;

 private:
  bool has_more() const noexcept { return !all_.empty() && all_.front().round_ != round_; }
  void slice();

  boost::asio::io_context& io_;
  boost::intrusive::list<subject, boost::intrusive::constant_time_size<false>> all_;  // those of this round are behind the others
  std::uint64_t round_ = 0;
  std::shared_ptr<const worker_settings> now_;  // null: nobody waits to be asked about
};

}  // namespace omnilink::actors
