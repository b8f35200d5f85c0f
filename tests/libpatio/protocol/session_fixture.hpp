/// Sessions for tests, with their events as lines of text and their output as bytes, and connected
/// pairs of sessions.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/digest.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/login.hpp>
#include <patio/protocol/session.hpp>
#include <patio/value/repr.hpp>

/// A separate type, so that a failed check can print it.
struct lines : std::vector<std::string> {
  using std::vector<std::string>::vector;
};

namespace doctest {

template <>
struct StringMaker<lines> {
  static String convert(const lines& all) {
    std::string text;
    for (const auto& line : all) text += "\n    " + line;
    return text.c_str();
  }
};

} // namespace doctest

inline const std::string test_token = "0123456789abcdef", test_salt = "salt";
inline const std::string pickled_none = "\x80\x05N.";

[[nodiscard]] inline std::string pickled(const patio::value& v) {
  std::string out;
  (void)patio::write_pickle(v, out);
  return out;
}

[[nodiscard]] inline std::string pickled_call(const std::string& function,
                                              std::vector<patio::value> args = {},
                                              patio::value timeout = {}) {
  std::string out;
  (void)patio::write_call_request({function, {std::move(args), {}}, std::move(timeout)}, out);
  return out;
}

[[nodiscard]] inline std::string framed(patio::protocol::packet type, std::uint32_t serial,
                                        std::string_view payload) {
  std::string out;
  patio::protocol::frame_writer w{out, type, serial};
  out += payload;
  (void)w.close(payload.size());
  return out;
}

struct raw_frame {
  patio::protocol::packet type{};
  std::uint32_t serial = 0;
  std::string payload;
  friend auto operator<=>(const raw_frame&, const raw_frame&) = default;
};

[[nodiscard]] inline std::vector<raw_frame> frames_of(std::string_view bytes) {
  std::vector<raw_frame> all;
  patio::protocol::frame_reader reader;
  reader.feed(bytes);
  while (auto f = reader.next([](const patio::protocol::frame_header&) {
    return patio::protocol::frame_reader::verdict::take;
  }))
    all.push_back({f->header.type, f->header.serial, std::string{f->payload}});
  return all;
}

/// Returns frames as text with decoded payloads, such as "RESPONSE 3 42".
[[nodiscard]] inline lines shown(std::string_view bytes) {
  lines all;
  for (const auto& f : frames_of(bytes)) {
    auto v = patio::read_pickle(f.payload, {}, patio::unknown_class::as_exception);
    auto call = patio::read_call_request(f.payload);
    auto payload = call ? call->function + brief(patio::value::tuple(call->args.positional))
                   : v  ? patio::brief(*v)
                        : "?";
    all.push_back(std::string{to_string(f.type)} + " " + std::to_string(f.serial) + " " + payload);
  }
  return all;
}

/// Records a session's events as lines. A test may set functions that react to an event, as an
/// owner would.
class session_recorder final {
public:
  lines seen;
  /// By serial: the latest request with that serial.
  std::map<std::uint32_t, patio::protocol::request_id> ids;
  std::function<void()> when_ready, when_closed;
  std::function<void(std::uint32_t, patio::call_request)> when_requested;
  std::function<void(std::uint64_t)> when_result;
  std::function<void()> when_names, when_logged, when_leaving;
  std::function<void(patio::protocol::request_id)> when_cancelled;
  std::deque<std::unique_ptr<patio::protocol::decode_job>> undecoded;

  void handle(patio::protocol::session_event& event) { std::visit(*this, event); }
  void operator()(patio::protocol::session_ready&) { note("ready", when_ready); }
  void operator()(patio::protocol::names_served& e) {
    std::string all;
    for (const auto& n : e.names) all += " " + n;
    note("names" + all, when_names);
  }
  void operator()(patio::protocol::request_arrived& e) {
    ids[e.id.serial] = e.id;
    seen.push_back("request " + std::to_string(e.id.serial) + " " + e.call.function
                   + brief(patio::value::tuple(e.call.args.positional)));
    if (when_requested) when_requested(e.id.serial, std::move(e.call));
  }
  void operator()(patio::protocol::request_cancelled& e) {
    seen.push_back("cancel " + std::to_string(e.id.serial));
    if (when_cancelled) when_cancelled(e.id);
  }
  void operator()(patio::protocol::credit_event& e) { std::visit(*this, e.what); }
  void operator()(patio::protocol::queues_told& e) {
    std::string all;
    for (const auto& [name, queue] : e.queues) all += " " + name + "=" + std::to_string(queue);
    seen.push_back("queues" + all);
  }
  void operator()(patio::protocol::credit_granted&) { seen.push_back("credit"); }
  void operator()(patio::protocol::credit_used& e) {
    seen.push_back("used " + std::to_string(e.used.queue) + " " + std::to_string(e.used.total));
  }
  void operator()(patio::protocol::peer_went_away&) { note("leaving", when_leaving); }
  void operator()(patio::protocol::payload_to_decode& e) { undecoded.push_back(std::move(e.job)); }
  void operator()(patio::protocol::request_ended& e) { note_result(e.token, e.outcome); }
  void operator()(patio::protocol::question_answered& e) {
    seen.push_back("pong " + std::to_string(e.token));
  }
  void operator()(patio::protocol::refused_input& e) { note("log " + text_of(e.why), when_logged); }
  void operator()(patio::protocol::session_closed& e) {
    auto lose = [&](std::uint32_t, patio::protocol::awaited_answer&& lost) {
      using kind = patio::protocol::awaited_answer::kind;
      if (lost.what == kind::request)
        note_result(lost.token, patio::fail(e.loss(lost), text_of(e.why)));
      if (lost.what == kind::ping)
        seen.push_back("lost ping " + std::to_string(lost.token) + " "
                       + std::string{to_string(e.loss(lost))});
    };
    e.unanswered.drain(lose);
    note("close " + std::string{to_string(e.why.code)} + ": " + text_of(e.why), when_closed);
  }

  void note_result(std::uint64_t token, const patio::result<patio::value>& r) {
    seen.push_back("result " + std::to_string(token) + " "
                   + (r ? patio::brief(*r)
                        : std::string{to_string(r.error().code)} + ": " + to_string(r.error())));
    if (when_result) when_result(token);
  }

  /// Returns the lines since the previous call of news().
  [[nodiscard]] lines news() { return std::exchange(seen, {}); }

private:
  void note(std::string line, const std::function<void()>& then) {
    seen.push_back(std::move(line));
    if (then) then();
  }
};

/// A session that passes its events to a recorder after each call, as every owner does.
class driven_session : public patio::protocol::session {
public:
  driven_session(patio::role side, patio::protocol::session_options options,
                 session_recorder& recorder, std::optional<std::string> nonce = {})
      : session{side, std::make_shared<const patio::protocol::session_options>(std::move(options)),
                nonce                         ? *nonce
                : side == patio::role::server ? test_token
                                              : test_salt},
        recorder_{recorder} {}

  void receive(std::string_view bytes) {
    feed(bytes);
    while (next()) handle_events();
    handle_events();
  }
  void decoded(patio::protocol::decode_job& job) {
    session::decoded(job);
    handle_events();
    receive({});
  }
  patio::result<std::uint32_t>
  request(std::uint64_t token, const patio::call_request& call,
          patio::protocol::queue_number queue = patio::protocol::no_queue) {
    auto serial = session::request(token, call, queue);
    if (serial) tokens_[*serial] = token;
    return serial;
  }
  /// Abandons the request and records its end, which the owner of a session decides.
  void abandon(std::uint32_t serial, const patio::error& why) {
    if (session::abandon(serial, why.code == patio::errc::cancelled))
      recorder_.note_result(tokens_[serial], tl::unexpected(why));
  }
  void answer(patio::protocol::request_id id, const patio::result<patio::value>& r) {
    session::answer(id, r);
    handle_events();
  }
  void close(patio::error why, std::optional<std::uint64_t> sent = {}) {
    session::close(std::move(why), sent);
    handle_events();
  }

private:
  void handle_events() {
    if (std::exchange(is_handling_, true)) return;
    while (!events().empty()) {
      auto event = std::move(events().front());
      events().pop();
      recorder_.handle(event);
    }
    is_handling_ = false;
  }

  session_recorder& recorder_;
  std::map<std::uint32_t, std::uint64_t> tokens_;
  bool is_handling_ = false;
};

struct session_end {
  session_recorder events;
  driven_session session;

  explicit session_end(patio::role side, patio::protocol::session_options options = {})
      : session{side, std::move(options), events} {}

  /// Returns the output since the previous call of sent(), and counts it as sent.
  [[nodiscard]] std::string sent() {
    auto bytes = std::exchange(session.output().bytes(), {});
    session.output().taken(bytes.size());
    return bytes;
  }
  /// Answers the latest request with that serial.
  void answer(std::uint32_t serial, const patio::result<patio::value>& r) {
    session.answer(events.ids[serial], r);
  }
  void receive(patio::protocol::packet type, std::uint32_t serial, std::string_view payload) {
    session.receive(framed(type, serial, payload));
  }
  [[nodiscard]] bool closed() const {
    return session.state() == patio::protocol::session::state::closed;
  }
};

/// Carries bytes both ways until none are left.
inline void settle(session_end& a, session_end& b) {
  for (bool moved = true; moved;) {
    auto from_a = a.sent(), from_b = b.sent();
    moved = !from_a.empty() || !from_b.empty();
    b.session.receive(from_a);
    a.session.receive(from_b);
  }
}

/// A server and a client after login and discovery. By default neither announces extensions.
struct session_pair {
  session_end server, client;
  /// Each side announces its own extensions.
  session_pair(const patio::protocol::extensions& of_server,
               const patio::protocol::extensions& of_client, const patio::limits& limits = {})
      : session_pair{patio::protocol::session_options{"secret", {"mul"}, limits, of_server},
                     patio::protocol::session_options{"secret", {}, limits, of_client}} {}
  explicit session_pair(patio::protocol::session_options for_server = {"secret", {"mul"}, {}},
                        patio::protocol::session_options for_client = {"secret", {}, {}})
      : server{patio::role::server, std::move(for_server)}, client{patio::role::client,
                                                                   std::move(for_client)} {
    settle(server, client);
    (void)server.events.news();
    (void)client.events.news();
  }
};
