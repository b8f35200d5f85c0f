/// One connection to a Redis server: login, commands in order, the delay before the next attempt,
/// and the detection of a server that says nothing. The owner of a link knows what its commands
/// mean; a reply belongs to the oldest command without a reply.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/backoff.hpp>
#include <patio/redis/event.hpp>
#include <patio/redis/settings.hpp>

namespace patio::redis {

class link {
public:
  /// `patience` is the longest silence of the server while a command has no reply.
  link(link_number number, std::shared_ptr<const settings> options,
       std::chrono::nanoseconds patience);

  [[nodiscard]] link_number number() const noexcept { return number_; }
  [[nodiscard]] bool is_ready() const noexcept { return state_ == state::ready; }
  /// True from the dial to the end of the connection.
  [[nodiscard]] bool is_open() const noexcept { return state_ != state::down; }
  /// The error that ended the last connection or attempt, for messages. Empty if there was none.
  [[nodiscard]] const std::string& last_failure() const noexcept { return last_failure_; }

  /// Returns true if the owner has to dial now. The link is open from then on.
  [[nodiscard]] bool begin_dial(instant now);
  /// The time of the next dial.
  [[nodiscard]] instant dial_at() const noexcept { return dial_at_; }
  /// The connection is open, TLS included. Sends the login.
  void opened(instant now);
  /// Appends the replies to the owner's commands. Sets `became_ready` at the end of the login.
  /// After a failure, the owner calls closed().
  [[nodiscard]] result<void> receive(std::string_view bytes, instant now,
                                     std::vector<resp>& replies, bool& became_ready);
  /// The connection has ended, or the dial has failed. Returns true if this is the first failure
  /// since the link was ready.
  bool closed(const error& why, instant now);

  /// Adds a command. Call this only while the link is ready.
  void send(std::span<const std::string_view> parts, instant now);
  void send(std::initializer_list<std::string_view> parts, instant now) {
    send(std::span<const std::string_view>{parts.begin(), parts.size()}, now);
  }
  /// Takes the bytes for the server. `out` must be empty.
  void take_output(std::string& out);
  /// The owner cannot send bytes as fast as they come. The end of the connection resets this.
  void set_congested(bool congested) noexcept { flags_.is_congested = congested; }
  /// True if the link is ready, and less than high_water_bytes wait for the owner.
  [[nodiscard]] bool has_room() const noexcept;
  /// The number of commands whose bytes the owner has not taken yet. They are the newest ones.
  [[nodiscard]] std::size_t untaken() const noexcept { return untaken_; }
  /// The time at which the server has been silent for too long.
  [[nodiscard]] instant silent_at() const noexcept;

private:
  enum class state : std::uint8_t { down, dialling, login, ready };

  void append(std::span<const std::string_view> parts, instant now);
  [[nodiscard]] result<void> take_login_reply(const resp& reply);

  link_number number_;
  std::shared_ptr<const settings> options_;
  std::chrono::nanoseconds patience_;
  backoff wait_;
  state state_ = state::down;
  instant dial_at_{};
  instant heard_{}; ///< the last reply, or the begin of the wait for one
  instant ready_at_{};
  resp_reader reader_;
  std::string output_;
  std::size_t untaken_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t login_replies_ = 0; ///< missing ones
  std::string last_failure_;
  struct flags {
    bool is_reported = false; ///< the owner knows that the server cannot be reached
    bool is_congested = false;
  };
  flags flags_;
};

/// True for an error reply that says that the login is missing or wrong.
[[nodiscard]] bool is_login_refusal(const resp& reply) noexcept;

} // namespace patio::redis
