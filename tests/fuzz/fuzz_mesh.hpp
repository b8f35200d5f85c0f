/// Up to two nodes in virtual time, connected to each other and to played peers, and checks of
/// their behaviour. The commands of an input, in session.cpp, drive them.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <patio/protocol/login.hpp>

#include "fuzz.hpp"
#include "mesh/driven_node.hpp"
#include "protocol/wire_judge.hpp"

inline constexpr std::string_view nonce = "0123456789abcdef", salt = "salt";

/// Returns the functions of every node. Calls of "a" are held until they are answered, "b" and "c"
/// run at once, and "d" is missing. The registry is locked, made once and shared.
[[nodiscard]] inline const patio::registry& fuzz_functions() {
  static const auto made = [] {
    patio::registry r;
    r.add("a", [](patio::args all) { return static_cast<std::int64_t>(all.size()); });
    r.add("b", [](patio::args all) { return patio::value::list(all); }, {.quick = true});
    r.add("c",
          [](patio::args) -> int {
            throw patio::python_error{"StopIteration", {"never sent as such"}};
          },
          {.quick = true});
    r.lock();
    return r;
  }();
  return made;
}

/// A node, and the record of its calls.
class fuzz_node final {
public:
  explicit fuzz_node(const patio::mesh::node_options& options)
      : limits{options.limits}, node{options, fuzz_functions(),
                                     [this](patio::mesh::node_event&& e) {
                                       std::visit([this](auto& event) { handle(event); }, e);
                                     }} {}

  const patio::limits limits;
  driven_node node;
  std::deque<patio::mesh::inbound_call> held;
  std::deque<std::pair<patio::connection_id, std::unique_ptr<patio::protocol::decode_job>>>
    undecoded;
  std::vector<patio::mesh::call_id> calls;   ///< by token
  std::vector<bool> ended, timed;            ///< by token
  std::vector<patio::connection_id> closing; ///< closed connections that are still to be hung up
  bool calls_again = false;                  ///< makes further calls while events are handled

  void call(std::uint8_t what, std::uint8_t seconds, patio::instant now,
            std::optional<patio::connection_id> only = {}) {
    auto token = calls.size();
    calls.emplace_back(), ended.push_back(false), timed.push_back(seconds > 0);
    patio::value timeout = seconds == 0 ? patio::value{} : patio::value{(seconds % 32) / 4.0};
    std::vector<patio::value> args{static_cast<std::int64_t>(token), std::string(what / 4, 'x')};
    auto id = node.call(token, {std::string(1, "abcd"[what % 4]), {std::move(args), {}}, timeout},
                        now, only);
    calls[token] = id;
    now_ = now;
  }
  void decode(patio::instant now) {
    if (undecoded.empty()) return;
    auto [id, job] = std::move(undecoded.front());
    undecoded.pop_front();
    job->run();
    node.decoded(id, *job, now);
  }
  /// Takes the output of a connection. Checks that the node has reported the output, or has closed
  /// the connection: an owner looks nowhere else.
  [[nodiscard]] std::string take_output(patio::connection_id id) {
    for (auto d : node.take_dirty()) dirty_.insert(d);
    auto bytes = node.take_output(id) + std::exchange(last_bytes_[id], {});
    if (bytes.empty()) return {};
    auto told = dirty_.erase(id) > 0 || closed_.contains(id);
    require(told, "a node tells of what it has to send");
    return bytes;
  }
  /// Returns whether the first calls have ended: those with a timeout only, or all of them.
  [[nodiscard]] bool over(std::size_t first, bool only_timed) const {
    for (std::size_t i = 0; i < first; ++i)
      if (!ended[i] && (timed[i] || !only_timed)) return false;
    return true;
  }

private:
  static constexpr std::size_t most_calls = 16;

  // Half of the calls begin at once and wait for nothing.
  void handle(patio::mesh::execute_call& event) {
    if (held.size() % 2 == 0) event.work.reservation->begin(now_);
    held.push_back(std::move(event.work));
  }
  void handle(patio::mesh::call_finished& event) {
    auto token = event.token;
    const auto& r = event.outcome;
    if (token >= first_ping) return;
    require(token < ended.size() && !ended[token], "a call ends once");
    require(r || r.error().code != patio::errc::remote_error || !r.error().exception.is_none(),
            "a remote error has its exception");
    ended[token] = true;
    call_again();
  }
  void handle(patio::mesh::decode_payload& event) {
    undecoded.emplace_back(event.id, std::move(event.job));
  }
  void handle(patio::mesh::answer_received& event) {
    require(event.token >= first_ping, "only a ping is answered by a pong");
  }
  void handle(patio::mesh::peer_ready&) { call_again(); }
  void handle(patio::mesh::connection_closed& event) {
    require(!closed_.contains(event.id), "a connection closes once");
    require(!to_string(event.why).empty(), "a connection closes for a reason");
    closing.push_back(event.id);
    closed_.insert(event.id);
    last_bytes_[event.id] = std::move(event.last_bytes);
    call_again();
  }
  void handle(patio::mesh::log_line& event) {
    require(!event.text.empty(), "a line of the log says something");
  }

  void call_again() {
    if (calls_again && calls.size() < most_calls)
      call(static_cast<std::uint8_t>(calls.size()), 3, now_);
  }

  patio::instant now_{};
  std::set<patio::connection_id> dirty_, closed_;
  std::map<patio::connection_id, std::string> last_bytes_;

public:
  static constexpr std::uint64_t first_ping = 1 << 20;
};

/// A connection of a node to a played peer, and the answers that each of them owes.
class played_wire {
public:
  fuzz_node& at;
  const patio::role side; ///< the role of the node
  const patio::connection_id id;
  bool open = true;
  std::uint64_t sent = 0;
  std::array<std::uint64_t, 3> credit{}; ///< granted to the node, by queue
  /// By serial: the number of unanswered REQUESTs to the node.
  std::map<std::uint32_t, std::size_t> asked;
  std::deque<std::uint32_t> requests;    ///< serials of the node's REQUESTs
  std::deque<std::uint32_t> discoveries; ///< serials of the node's DISCOVER_REQUESTs
  std::size_t discovered = 0;            ///< number of DISCOVER_RESPONSEs that the node owes
  std::size_t left = 0;                  ///< number of LEAVING_OKs that the node owes
  patio::protocol::extensions announced; ///< every extension that the peer has announced so far
  std::string login;                     ///< answers the node's challenge

  played_wire(fuzz_node& owner, patio::role ours, patio::instant now)
      : at{owner}, side{ours}, id{owner.node.open(
                                 ours, "played:1",
                                 std::string{ours == patio::role::server ? nonce : salt}, now)} {}

  void send(std::string_view bytes, patio::instant now) {
    note_sent(bytes);
    at.node.receive(id, bytes, now);
    collect();
  }
  /// Sends a packet of the extension for credit, which may be wrong.
  void give_credit(std::uint8_t which, std::uint8_t how, patio::instant now) {
    namespace p = patio::protocol;
    auto number = static_cast<p::queue_number>(which % credit.size());
    auto& total = credit[static_cast<std::size_t>(number)];
    auto type = how % 4 == 3   ? p::packet::queues
                : how % 4 == 2 ? p::packet::credit_used
                               : p::packet::credit;
    if (type == p::packet::credit) total += how / 4;
    auto payload = type == p::packet::queues ? p::write_queues({{"a", number}, {"b", p::no_queue}})
                   : type == p::packet::credit_used
                     ? p::write_queue_total({number, how / std::uint64_t{4}})
                     : p::write_queue_total({number, total});
    std::string out;
    p::frame_writer w{out, type, 0};
    out += payload;
    (void)w.close(payload.size());
    send(out, now);
  }
  void collect() {
    auto bytes = at.take_output(id);
    sent += bytes.size();
    from_node.feed(bytes);
    while (auto f = from_node.next([](const patio::protocol::frame_header&) {
      return patio::protocol::frame_reader::verdict::take;
    }))
      heard(*f);
  }

private:
  using verdict = patio::protocol::frame_reader::verdict;

  void note_sent(std::string_view bytes) {
    to_node.feed(bytes);
    auto judge = [this](const patio::protocol::frame_header& h) {
      if (h.size <= at.limits.frame_bytes) return verdict::take;
      if (h.type == patio::protocol::packet::request) ++asked[h.serial];
      return h.size > at.limits.skipped_frame_bytes ? verdict::stop : verdict::skip;
    };
    while (auto f = to_node.next(judge)) {
      if (f->header.type == patio::protocol::packet::request) ++asked[f->header.serial];
      if (f->header.type == patio::protocol::packet::leaving) ++left;
      if (f->header.type != patio::protocol::packet::discover_request) continue;
      ++discovered;
      auto more = patio::protocol::read_announcement(f->payload, {});
      announced = {announced.cancel || more.cancel, announced.leaving || more.leaving,
                   announced.endings || more.endings, announced.credit || more.credit};
    }
  }
  void heard(const patio::protocol::frame_reader::frame& f) {
    auto serial = f.header.serial;
    switch (f.header.type) {
    case patio::protocol::packet::request:
      return require(serial != 0, "a REQUEST has a serial"), requests.push_back(serial);
    case patio::protocol::packet::response:
    case patio::protocol::packet::error:
      return require(asked[serial]-- > 0, "each REQUEST has one answer");
    case patio::protocol::packet::discover_request: return discoveries.push_back(serial);
    case patio::protocol::packet::discover_response:
      return require(discovered-- > 0, "names are told to who has asked");
    case patio::protocol::packet::cancel: return require(announced.cancel, "CANCEL was announced");
    case patio::protocol::packet::leaving:
      return require(announced.leaving, "LEAVING was announced");
    case patio::protocol::packet::queues:
    case patio::protocol::packet::credit:
    case patio::protocol::packet::credit_used:
      return require(announced.credit, "credit was announced");
    case patio::protocol::packet::leaving_ok:
      return require(left-- > 0, "LEAVING_OK answers who has said it, announced or not");
    case patio::protocol::packet::auth_digest:
      return void(login = patio::protocol::login_answer(f.payload, "", "salt"));
    case patio::protocol::packet::auth_request:
      return require(side == patio::role::client, "a client answers a challenge");
    case patio::protocol::packet::auth_ok:
      return require(side == patio::role::server, "a server lets in");
    default: return require(false, "a packet is of a known type");
    }
  }

  patio::protocol::frame_reader to_node, from_node;
};

/// The connection of the first node to the second.
struct linked_wire {
  std::array<fuzz_node*, 2> ends;
  std::array<patio::connection_id, 2> ids;
  std::array<std::string, 2> on_the_way{}; ///< bytes in flight to each end
  std::array<std::uint64_t, 2> sent{};
  /// Bytes that have arrived behind a payload that is being decoded.
  std::array<std::size_t, 2> unhandled{};
  bool open = true;
  wire_judge judge{};
  /// Calls that have run: the executing end and the caller's token.
  std::set<std::pair<std::size_t, std::int64_t>> ran{};

  void collect() {
    for (auto at : {std::size_t{0}, std::size_t{1}})
      if (!ends[at]->node.is_decoding(ids[at]))
        judge.arrived(at == 0, std::exchange(unhandled[at], 0));
    for (auto from : {std::size_t{0}, std::size_t{1}}) {
      if (!open) continue;
      auto bytes = ends[from]->take_output(ids[from]);
      sent[from] += bytes.size();
      judge.carry(from == 0, bytes);
      on_the_way[1 - from] += bytes;
    }
    for (const auto& complaint : judge.complaints) require(false, complaint.c_str());
  }
  bool carry(std::size_t to, std::size_t most, patio::instant now) {
    auto piece = on_the_way[to].substr(0, most);
    if (!open || piece.empty()) return false;
    on_the_way[to].erase(0, piece.size());
    unhandled[to] += piece.size();
    judge.reached(to == 0, piece.size());
    ends[to]->node.receive(ids[to], piece, now);
    collect();
    return true;
  }
};
