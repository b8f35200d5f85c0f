// Makes calls in the codec, between two sessions, or between two nodes, without sockets and
// threads. check_cost.py counts the instructions of this program.
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <patio/mesh/node.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>
#include <patio/protocol/session.hpp>

using namespace patio;

namespace {

constexpr std::size_t in_flight = 64;
const call_request mul{"mul", {{3, 4}, {}}, 5};
const instant begin = std::chrono::seconds{1};

void require(bool ok) {
  if (!ok) std::abort();
}

void codec(std::size_t calls) {
  std::string request, response;
  for (std::size_t i = 0; i < calls; ++i) {
    request.clear();
    response.clear();
    require(bool{write_call_request(mul, request)});
    require(bool{read_call_request(request)});
    require(bool{write_pickle(value{12}, response)});
    require(bool{read_pickle(response)});
  }
}

/// Two sessions, and the bytes between them.
class session_pair {
public:
  session_pair() {
    for (int round = 0; round < 8; ++round) pass_bytes();
    require(client_.state() == protocol::session::state::ready);
  }
  void call() {
    for (std::size_t i = 0; i < in_flight; ++i) require(bool{client_.request(i, mul)});
    pass_bytes();
    require(std::exchange(answers_, 0) == in_flight);
  }

private:
  static std::shared_ptr<const protocol::session_options> options() {
    protocol::session_options all;
    all.names = {"mul"};
    return std::make_shared<const protocol::session_options>(std::move(all));
  }
  void pass_bytes() {
    pass(client_, server_);
    pass(server_, client_);
  }
  void pass(protocol::session& from, protocol::session& to) {
    bytes_.clear();
    bytes_.swap(from.output().bytes());
    from.output().taken(bytes_.size());
    to.feed(bytes_);
    for (bool more = true; more;) {
      more = to.next();
      for (auto& events = to.events(); !events.empty(); events.pop()) handle(to, events.front());
    }
  }
  void handle(protocol::session& at, protocol::session_event& event) {
    if (auto* arrived = std::get_if<protocol::request_arrived>(&event))
      at.answer(arrived->id, value{12});
    answers_ += std::holds_alternative<protocol::request_ended>(event) ? 1 : 0;
  }

  protocol::session server_{role::server, options(), std::string(protocol::token_size, 't')};
  protocol::session client_{role::client, options(), std::string(protocol::salt_size, 's')};
  std::string bytes_;
  std::size_t answers_ = 0;
};

/// Two nodes, and the bytes between them. The server runs `mul` in its executor if `quick` is
/// false.
class node_pair {
public:
  explicit node_pair(bool quick) : server_{{}, functions(quick)}, client_{{}, registry{}} {
    at_server_ = server_.open(role::server, "client:1", std::string(protocol::token_size, 't'),
                              begin, nullptr);
    at_client_ =
      client_.open(role::client, "server:1", std::string(protocol::salt_size, 's'), begin, nullptr);
    for (int round = 0; round < 8; ++round) pass_bytes();
    require(client_.peers().size() == 1);
  }
  void call() {
    for (std::size_t i = 0; i < in_flight; ++i) client_.call(i, call_request{mul}, begin, {});
    // The first calls wait until the server has granted credit for them.
    for (int round = 0; round < 8 && answers_ < in_flight; ++round) pass_bytes();
    require(std::exchange(answers_, 0) == in_flight);
  }

private:
  static registry functions(bool quick) {
    registry all;
    all.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; }, {.quick = quick});
    return all;
  }
  void pass_bytes() {
    pass(client_, at_client_, server_, at_server_);
    pass(server_, at_server_, client_, at_client_);
  }
  void pass(mesh::node& from, connection_id at_from, mesh::node& to, connection_id at_to) {
    handle_events(from);
    bytes_.clear();
    from.take_output(at_from, bytes_);
    for (bool more = to.receive(at_to, bytes_, begin); more; more = to.next(at_to))
      handle_events(to);
    handle_events(to);
  }
  void handle_events(mesh::node& n) {
    for (n.take_events(events_); !events_.empty(); n.take_events(events_)) {
      for (auto& event : events_) handle(n, event);
      events_.clear();
    }
  }
  void handle(mesh::node& n, mesh::node_event& event) {
    if (auto* execute = std::get_if<mesh::execute_call>(&event)) {
      auto& work = execute->work;
      work.reservation->begin(begin);
      n.answer(work.id, std::get<immediate_function>(work.entry->run)(std::move(work.args)));
    }
    answers_ += std::holds_alternative<mesh::call_finished>(event) ? 1 : 0;
  }

  mesh::node server_, client_;
  connection_id at_server_ = 0, at_client_ = 0;
  std::vector<mesh::node_event> events_;
  std::string bytes_;
  std::size_t answers_ = 0;
};

template <class Pair, class... Args>
void call_through(std::size_t calls, Args... args) {
  Pair pair{args...};
  for (std::size_t made = 0; made < calls; made += in_flight) pair.call();
}

int usage() {
  std::cerr << "usage: call_cost codec|session|quick|pooled CALLS (a multiple of " << in_flight
            << ")\n";
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) return usage();
  std::string what = argv[1], count = argv[2];
  std::size_t calls = 0;
  auto end = std::from_chars(count.data(), count.data() + count.size(), calls).ptr;
  if (end != count.data() + count.size() || calls % in_flight != 0) return usage();
  if (what == "codec") codec(calls);
  else if (what == "session") call_through<session_pair>(calls);
  else if (what == "quick") call_through<node_pair>(calls, true);
  else if (what == "pooled") call_through<node_pair>(calls, false);
  else return usage();
  return 0;
}
