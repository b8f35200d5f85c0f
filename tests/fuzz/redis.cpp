// A node over Redis, and a server that answers with any bytes. Bits of the first byte choose what
// the input is: 0 a stream of replies, cut anywhere; 1 a task; 2 a reply; 3 what the server sends
// to a node that makes calls and serves functions, in virtual time.
#include <patio/redis/node.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace {

using namespace patio::redis;
using patio::instant;

void read_stream(fuzz_input& input) {
  resp_limits limits{
    .reply_bytes = 64, .skipped_bytes = 128, .line_bytes = 40, .items = 8, .depth = 3};
  auto cuts = input.text(input.byte() % 16);
  auto stream = input.rest();
  resp_reader whole{limits}, pieces{limits};
  std::vector<resp> expected, seen;
  bool ok = whole.read(stream, expected).has_value(), same = true;
  for (std::size_t i = 0; !stream.empty() && same; ++i) {
    std::size_t length = cuts.empty() ? 1 : 1 + static_cast<unsigned char>(cuts[i % cuts.size()]);
    same = pieces.read(stream.substr(0, length), seen).has_value();
    stream.remove_prefix(std::min(length, stream.size()));
  }
  require(ok == same && expected == seen, "replies do not depend on the pieces of their stream");
}

void read_one_task(fuzz_input& input) {
  auto body = input.rest();
  auto task = read_task(body, {}, {});
  if (!task) return;
  require(!task->reply_to.empty(), "a task that is accepted has a caller");
  std::string again;
  if (!write_task({task->method, task->args, {}}, task->reply_to, again, {}, 1 << 20)) return;
  auto read = read_task(again, {}, {});
  require(read.has_value() && read->method == task->method && read->reply_to == task->reply_to,
          "a task that is written again is the same task");
}

void read_one_reply(fuzz_input& input) {
  bool is_error = (input.byte() & 1) != 0;
  auto outcome = read_reply(is_error, input.rest(), {}, {});
  require(!(is_error && outcome), "an error reply is never a value");
  auto reply = write_reply(outcome, {}, 1 << 20);
  require(!reply.body.empty(), "every outcome can be sent on");
}

/// A node whose every link leads to the input.
class attacked_node {
public:
  attacked_node() : node_{options(), functions(), {{{"mul"}, 2}}} {
    node_.tick(now_);
    for (std::uint64_t token = 1; token <= 3; ++token)
      (void)node_.call(token, {"mul", {{6, 7}, {}}, 1}, now_);
    handle_events();
  }

  void feed(std::uint8_t link, std::string_view bytes) {
    if (open_.empty()) return;
    auto at = std::next(open_.begin(), link % open_.size());
    node_.receive(at->first, bytes, now_);
    handle_events();
  }
  void answer() {
    if (running_.empty()) return;
    auto id = running_.front().id;
    running_.pop_front();
    node_.answer(id, write_reply(patio::value{42}, {}, 1000), now_);
    handle_events();
  }
  void pass(std::chrono::nanoseconds d) {
    now_ += d;
    node_.tick(now_);
    handle_events();
  }
  void end() {
    while (!running_.empty()) answer();
    for (int i = 0; i < 10; ++i) pass(std::chrono::seconds{1});
    for (std::uint64_t token = 1; token <= 3; ++token)
      require(ended_[token] == 1, "each call ends once, and in time");
    require(node_.server().running() <= 1000, "the node keeps few tasks");
  }

private:
  static settings options() {
    settings s{.project = "p"};
    s.url = patio::parse_broker_url("redis://h").value();
    s.limits.frame_bytes = 1000;
    s.new_id = [n = 0]() mutable { return uuid_text(std::string(16, static_cast<char>(++n))); };
    return s;
  }
  static patio::registry functions() {
    patio::registry r;
    r.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
    return r;
  }

  void handle_events() {
    events all;
    for (node_.take_events(all); !all.empty(); node_.take_events(all)) {
      for (auto& e : all) {
        if (auto* dial = std::get_if<dial_link>(&e)) {
          open_[dial->link] = true;
          node_.opened(dial->link, now_);
        }
        if (auto* end = std::get_if<end_link>(&e)) open_.erase(end->link);
        if (auto* call = std::get_if<call_finished>(&e)) ++ended_[call->token];
        if (auto* run = std::get_if<execute_task>(&e)) {
          running_.push_back(std::move(*run));
          // The node counts the worker of a stopped function as free.
          auto busy = [](const execute_task& t) { return !t.stop.stop_requested(); };
          require(std::ranges::count_if(running_, busy) <= 2,
                  "the node takes no more tasks than it has workers");
        }
      }
      all.clear();
    }
    std::vector<link_number> links;
    node_.links(links);
    std::string out;
    for (auto link : links) {
      out.clear();
      node_.take_output(link, out, now_);
    }
  }

  instant now_{std::chrono::seconds{1000}};
  node node_;
  std::map<link_number, bool> open_;
  std::map<std::uint64_t, int> ended_;
  std::deque<execute_task> running_; ///< have no answer yet
};

void attack(fuzz_input& input) {
  attacked_node node;
  for (std::uint8_t link = 0; link < 8; ++link) node.feed(link, "+PONG\r\n");
  while (!input.empty()) {
    auto what = input.byte();
    if (what >= 0xf8) node.answer();
    else if (what >= 0xf0) node.pass(std::chrono::milliseconds{40} * (what & 7));
    else node.feed(what & 7, input.text(1 + (what >> 3)));
  }
  node.end();
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  switch (input.byte() & 3) {
  case 0: read_stream(input); break;
  case 1: read_one_task(input); break;
  case 2: read_one_reply(input); break;
  default: attack(input);
  }
  return 0;
}
