// The methods of channel 0: the handshake, the alarms and the end.
#include <patio/amqp/connection.hpp>

#include <algorithm>

#include <patio/amqp/reply_codes.hpp>
#include <patio/amqp/table.hpp>
#include <patio/base/secret.hpp>
#include <patio/version.hpp>

namespace patio::amqp {
namespace {

constexpr std::uint32_t smallest_frame_max = 4096; // of the protocol

/// Returns whether a list of words, separated by spaces, has the word.
bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    auto end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::string client_properties(const std::string& name) {
  table can;
  for (const char* each : {"authentication_failure_close", "basic.nack", "connection.blocked",
                           "consumer_cancel_notify", "publisher_confirms"})
    can.push_back({each, {true}});
  table all{{"product", {std::string{"patio"}}},
            {"version", {std::string{PATIO_VERSION}}},
            {"platform", {std::string{"C++"}}},
            {"information", {std::string{"patio for C++, with CAF"}}},
            {"capabilities", {std::move(can)}}};
  if (!name.empty()) all.push_back({"connection_name", {name}});
  return encoded(all);
}

/// Returns the smaller limit. 0 means that a side has none.
template <class UInt>
UInt smaller(UInt ours, UInt theirs) noexcept {
  if (ours == 0 || theirs == 0) return std::max(ours, theirs);
  return std::min(ours, theirs);
}

} // namespace

connection::event connection::handle_connection_method(const frame& f) {
  auto read = read_method(f.payload);
  if (!read) return refuse(frame_error, std::move(read.error().message));
  if (const auto* m = std::get_if<connection_close>(&*read)) return handle_close(*m);
  if (state_ == state::closing) {
    if (!std::holds_alternative<connection_close_ok>(*read)) return {};
    return end({errc::shut_down, "the connection was closed", {}});
  }
  const auto* start = std::get_if<connection_start>(&*read);
  if (start && state_ == state::start) return handle_start(*start);
  const auto* tune = std::get_if<connection_tune>(&*read);
  if (tune && state_ == state::tune) return handle_tune(*tune);
  if (std::holds_alternative<connection_open_ok>(*read) && state_ == state::opening) {
    state_ = state::open;
    return connection_opened{};
  }
  if (state_ == state::open) {
    if (const auto* m = std::get_if<connection_blocked>(&*read))
      return publishing_blocked{true, std::string{m->reason}};
    if (std::holds_alternative<connection_unblocked>(*read)) return publishing_blocked{false};
  }
  return refuse(not_allowed, "the server sent " + std::string{name_of(*read)} + " at a wrong time");
}

// RabbitMQ names the reason: "ACCESS_REFUSED - Login was refused ...", "NOT_ALLOWED - vhost x not
// found".
connection::event connection::handle_close(const connection_close& m) {
  std::string text{m.text};
  put_method(farewell_, 0, connection_close_ok{});
  error why{loss(), "the server closed the connection: " + std::to_string(m.code) + " " + text, {}};
  if (m.code == access_refused || m.code == not_allowed) why.remedy = remedy::login;
  return end(std::move(why));
}

connection::event connection::handle_start(const connection_start& m) {
  if (m.major != 0 || m.minor != 9)
    return end({errc::login_refused,
                "the server speaks AMQP " + std::to_string(m.major) + "-" + std::to_string(m.minor)
                  + ", not 0-9",
                {}});
  if (!has_word(m.mechanisms, "PLAIN"))
    return end({errc::login_refused, "the server does not offer the mechanism PLAIN", {}});
  auto ours = client_properties(options_.name);
  std::string login;
  login.append(1, '\0').append(options_.user.view());
  login.append(1, '\0').append(options_.password.view());
  send(0, connection_start_ok{ours, "PLAIN", login, "en_US"});
  wipe(login);
  state_ = state::tune;
  return {};
}

connection::event connection::handle_tune(const connection_tune& m) {
  options_.channel_max = smaller(options_.channel_max, m.channel_max);
  options_.frame_max = smaller(options_.frame_max, m.frame_max);
  if (options_.frame_max < smallest_frame_max)
    return refuse(not_allowed, "the server allows frames of only "
                                 + std::to_string(options_.frame_max) + " bytes");
  auto ours = static_cast<std::uint16_t>(options_.heartbeat.count());
  auto heartbeat = smaller(ours, m.heartbeat);
  reader_.set_max_frame(options_.frame_max);
  heartbeat_ = std::chrono::seconds{heartbeat};
  send(0, connection_tune_ok{{options_.channel_max, options_.frame_max, heartbeat}});
  send(0, connection_open{options_.virtual_host, {}, false});
  options_.password = {};
  state_ = state::opening;
  return {};
}

} // namespace patio::amqp
