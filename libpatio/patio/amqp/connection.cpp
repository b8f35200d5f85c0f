#include <patio/amqp/connection.hpp>

#include <utility>

#include <patio/amqp/reply_codes.hpp>

namespace patio::amqp {
namespace {

/// The server's first frames are small; its limit is not known yet.
constexpr std::size_t max_first_frame = 65'536;

} // namespace

connection::connection(connection_options options, instant now)
    : options_{std::move(options)}, reader_{max_first_frame}, heard_at_{now}, sent_at_{now},
      output_{protocol_header} {}

void connection::feed(std::string_view bytes, instant now) {
  heard_at_ = now;
  reader_.feed(bytes);
}

std::optional<connection_event> connection::next() {
  if (end_) return connection_ended{*std::exchange(end_, {})};
  while (state_ != state::closed) {
    auto read = reader_.next();
    if (!read) return refuse(frame_error, std::move(read.error().message));
    if (!*read) return {};
    if (auto done = handle(**read)) return done;
  }
  return {};
}

connection::event connection::handle(const frame& f) {
  if (f.type == frame_type::heartbeat) return {};
  if (f.channel != 0) return handle_channel_frame(f);
  if (f.type == frame_type::method) return handle_connection_method(f);
  return refuse(unexpected_frame, "a content frame on channel 0");
}

connection::event connection::handle_channel_frame(const frame& f) {
  if (state_ == state::closing) return {};
  auto channel = channels_.find(f.channel);
  if (channel == channels_.end())
    return refuse(unexpected_frame,
                  "a frame on channel " + std::to_string(f.channel) + ", which is not open");
  auto& content = channel->second;
  switch (f.type) {
  case frame_type::header: return handle_header(f.channel, content, f.payload);
  case frame_type::body: return handle_body(f.channel, content, f.payload);
  default: return handle_method(f.channel, content, f.payload);
  }
}

connection::event connection::handle_method(channel_number channel, content_in_progress& content,
                                            std::string_view payload) {
  auto read = read_method(payload);
  if (!read) return refuse(frame_error, std::move(read.error().message));
  if (content.has_method)
    return refuse(unexpected_frame, std::string{name_of(*read)} + " within a message");
  if (id_of(*read).class_number == connection_start::id.class_number)
    return refuse(unexpected_frame, std::string{name_of(*read)} + " on a channel");
  if (std::holds_alternative<basic_deliver>(*read) || std::holds_alternative<basic_return>(*read)) {
    content.method.assign(payload);
    content.has_method = true;
    return {};
  }
  if (const auto* m = std::get_if<channel_close>(&*read)) {
    channel_closed closed{channel, m->code, std::string{m->text}, m->cause};
    send(channel, channel_close_ok{});
    channels_.erase(channel);
    return closed;
  }
  if (const auto* m = std::get_if<channel_flow>(&*read)) {
    send(channel, channel_flow_ok{{m->active}});
    return {};
  }
  return method_arrived{channel, *read};
}

connection::event connection::handle_header(channel_number channel, content_in_progress& content,
                                            std::string_view payload) {
  if (!content.has_method || content.has_header)
    return refuse(unexpected_frame, "a content header without a message");
  content.header.assign(payload);
  auto read = read_content_header(content.header);
  if (!read) return refuse(frame_error, std::move(read.error().message));
  content.parsed = *read;
  content.has_header = true;
  content.received = 0;
  content.body.clear();
  if (content.parsed.body_size == 0) return finish_content(channel, content, {});
  return {};
}

connection::event connection::handle_body(channel_number channel, content_in_progress& content,
                                          std::string_view payload) {
  if (!content.has_header) return refuse(unexpected_frame, "a body without a content header");
  auto size = content.parsed.body_size;
  if (payload.size() > size - content.received)
    return refuse(frame_error, "a body is longer than its content header says");
  bool is_first = content.received == 0;
  content.received += payload.size();
  bool is_last = content.received == size;
  if (size > options_.body_bytes) return is_last ? finish_content(channel, content, {}) : event{};
  if (is_first && is_last) return finish_content(channel, content, payload);
  content.body += payload;
  return is_last ? finish_content(channel, content, content.body) : event{};
}

connection::event connection::finish_content(channel_number channel, content_in_progress& content,
                                             std::string_view body) {
  content.has_method = content.has_header = false;
  auto size = content.parsed.body_size;
  message_arrived message{channel, {},   content.parsed.properties,
                          body,    size, size > options_.body_bytes};
  auto read = read_method(content.method); // was read before, so it cannot fail
  if (const auto* m = std::get_if<basic_deliver>(&*read)) message.method = *m;
  else message.method = std::get<basic_return>(*read);
  return message;
}

void connection::tick(instant now) {
  if (heartbeat_ == std::chrono::seconds{0} || state_ == state::closed) return;
  if (now - heard_at_ >= options_.missed_heartbeats * instant{heartbeat_}) {
    end_ = error{loss(),
                 "the server was silent for "
                   + std::to_string(options_.missed_heartbeats * heartbeat_.count()) + " s",
                 {}};
    state_ = state::closed;
    return;
  }
  if (now - sent_at_ >= instant{heartbeat_} / 2 && output_.empty())
    frame_writer{output_, frame_type::heartbeat, 0};
}

instant connection::next_deadline() const noexcept {
  if (heartbeat_ == std::chrono::seconds{0} || state_ == state::closed) return never;
  return std::min(heard_at_ + options_.missed_heartbeats * instant{heartbeat_},
                  sent_at_ + instant{heartbeat_} / 2);
}

void connection::peer_closed() {
  if (state_ == state::closed) return;
  std::string text = "the server closed the connection";
  if (state_ == state::start) text += " before the AMQP handshake";
  else if (state_ == state::tune) text += " during the login: are user and password right?";
  else if (reader_.is_within_frame()) text += " within a frame";
  end_ = error{loss(), std::move(text), {}};
  state_ = state::closed;
}

bool connection::open_channel(channel_number n) {
  if (n > options_.channel_max) return false;
  channels_[n] = {};
  send(n, channel_open{});
  return true;
}

void connection::publish(channel_number channel, const basic_publish& m, const properties& p,
                         std::string_view body) {
  if (!is_usable()) return;
  put_method(output_, channel, m);
  put_content(output_, channel, p, body, options_.frame_max);
}

void connection::close() {
  if (!is_usable()) return;
  send(0, connection_close{{normally_closed, "normally closed", {}}});
  state_ = state::closing;
}

void connection::abandon() {
  if (is_usable())
    put_method(farewell_, 0, connection_close{{normally_closed, "normally closed", {}}});
  state_ = state::closed;
}

void connection::take_output(std::string& out, instant now) {
  std::swap(out, output_);
  taken_ += out.size();
  if (!out.empty()) sent_at_ = now;
}

connection::event connection::refuse(std::uint16_t code, std::string reason) {
  if (state_ == state::start) return end({errc::login_refused, std::move(reason), {}});
  auto text = std::string_view{reason}.substr(0, max_short_string);
  put_method(farewell_, 0, connection_close{{code, text, {}}});
  return end({state_ < state::open ? errc::login_refused : errc::protocol, std::move(reason), {}});
}

connection::event connection::end(error why) {
  state_ = state::closed;
  return connection_ended{std::move(why)};
}

errc connection::loss() const noexcept {
  return state_ < state::open ? errc::login_refused : errc::maybe_executed;
}

} // namespace patio::amqp
