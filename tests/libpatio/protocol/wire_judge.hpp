/// Watches the frames of one connection and complains about each frame that a strict peer would not
/// accept. These are frames that would break a Python peer (see libpatio/README.md), and packets of
/// extensions that the receiver has not announced. Independent of the session's code.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <patio/pickle/pickle.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/request_credit.hpp>

class wire_judge {
public:
  std::vector<std::string> complaints;

  /// Takes bytes that one end has sent.
  void carry(bool by_client, std::string_view bytes) {
    auto& from = ends_[by_client ? 1 : 0];
    from.reader.feed(bytes);
    while (auto f = from.reader.next([](const patio::protocol::frame_header&) {
      return patio::protocol::frame_reader::verdict::take;
    })) {
      from.put_out += patio::protocol::frame_header::size_on_wire + f->payload.size();
      judge(by_client, *f);
    }
  }
  /// Records that `bytes` more bytes have reached an end, which may handle them later.
  void reached(bool at_client, std::size_t bytes) { ends_[at_client ? 1 : 0].reached += bytes; }
  /// Records that an end has handled `bytes` more bytes. Until then the judge assumes that the end
  /// has not received these bytes.
  void arrived(bool at_client, std::size_t bytes) { ends_[at_client ? 1 : 0].heard += bytes; }

private:
  struct end {
    patio::protocol::frame_reader reader;
    std::uint64_t put_out = 0, reached = 0, heard = 0; ///< bytes
    bool told_names = false, may_not_call = false;
    patio::protocol::extensions announced;
    std::set<std::uint32_t> calling, asking, leaving; ///< serials whose answer is due
    /// By serial: the position in the other end's bytes where the answer ends.
    std::map<std::uint32_t, std::uint64_t> answered;
    std::set<std::uint32_t> cancelled;
    bool has_told_queues = false;
    patio::protocol::queue_map queues; ///< of this end's functions
    /// Credit for calls of the other end, by queue: the total, and the position in this end's bytes
    /// where the packet ends.
    std::map<int, std::vector<std::pair<std::uint64_t, std::uint64_t>>> granted;
    std::map<int, std::uint64_t> called; ///< REQUESTs to the other end, by its queue
    std::multiset<patio::protocol::packet> logins;
  };

  /// A frame, its sender and its receiver.
  struct spoken {
    const patio::protocol::frame_reader::frame& f;
    bool by_client;
    end &from, &to;
  };

  void judge(bool by_client, const patio::protocol::frame_reader::frame& f) {
    using patio::protocol::packet;
    spoken s{f, by_client, ends_[by_client ? 1 : 0], ends_[by_client ? 0 : 1]};
    switch (f.header.type) {
    case packet::auth_digest:
    case packet::auth_ok:
    case packet::auth_request: return judge_login(s);
    case packet::discover_request:
    case packet::discover_response: return judge_discovery(s);
    case packet::request:
    case packet::response:
    case packet::error:
    case packet::cancel: return judge_call(s);
    case packet::leaving:
    case packet::leaving_ok: return judge_leaving(s);
    case packet::queues:
    case packet::credit:
    case packet::credit_used: return judge_credit(s);
    default: return require(s, false, "is unknown");
    }
  }

  void require(const spoken& s, bool holds, const char* otherwise) {
    if (holds) return;
    auto who = std::string{s.by_client ? "client: " : "server: "};
    complaints.push_back(who + std::string{to_string(s.f.header.type)} + " "
                         + std::to_string(s.f.header.serial) + " " + otherwise);
  }

  void judge_login(const spoken& s) {
    auto type = s.f.header.type;
    bool is_clients = type == patio::protocol::packet::auth_request;
    require(s, s.by_client == is_clients, is_clients ? "is a client's" : "is a server's");
    s.from.logins.insert(type);
    require(s, is_clients ? s.from.logins.size() == 1 : s.from.logins.count(type) == 1,
            "came twice");
  }

  void judge_discovery(const spoken& s) {
    auto serial = s.f.header.serial;
    if (s.f.header.type == patio::protocol::packet::discover_response) {
      s.from.told_names = true;
      return require(s, s.to.asking.erase(serial) == 1, "was not asked for");
    }
    s.from.announced = patio::protocol::read_announcement(s.f.payload, {});
    require(s, s.f.payload == patio::protocol::announcement(s.from.announced),
            "announces in words of its own");
    require(s, s.from.asking.insert(serial).second, "asks twice under one serial");
  }

  void judge_call(const spoken& s) {
    using patio::protocol::packet;
    auto& [f, by_client, from, to] = s;
    auto serial = f.header.serial;
    switch (f.header.type) {
    case packet::request:
      require(s, from.told_names, "comes before the names");
      require(s, !from.may_not_call, "comes behind LEAVING_OK");
      require(s, serial != 0, "has serial 0");
      judge_use_of_credit(s);
      from.answered.erase(serial);
      from.cancelled.erase(serial);
      return require(s, from.calling.insert(serial).second, "has a serial in use");
    case packet::cancel:
      require(s, to.announced.cancel, "was not announced");
      require(s, f.payload == "\x80\x05N.", "is not None");
      require(s, from.calling.contains(serial) || has_crossed_its_answer(from, serial),
              "cancels nothing");
      return require(s, from.cancelled.insert(serial).second, "cancels twice");
    case packet::error:
      require(s, is_raisable(f.payload), "raises what Python cannot");
      require(s, to.announced.endings || !has_note_of_ours(f.payload),
              "has a note that its caller does not know");
      [[fallthrough]];
    default:
      to.answered[serial] = from.put_out;
      return require(s, to.calling.erase(serial) == 1, "answers nothing");
    }
  }

  void judge_leaving(const spoken& s) {
    auto serial = s.f.header.serial;
    require(s, s.to.announced.leaving, "was not announced");
    require(s, s.f.payload == "\x80\x05N.", "is not None");
    if (s.f.header.type == patio::protocol::packet::leaving_ok) {
      s.from.may_not_call = true;
      return require(s, s.to.leaving.erase(serial) == 1, "was not asked for");
    }
    require(s, s.from.told_names && s.to.told_names, "comes before the names");
    require(s, s.from.leaving.insert(serial).second, "has a serial in use");
  }

  // Before both ends have announced the extension, no call needs credit.
  void judge_use_of_credit(const spoken& s) {
    auto call = patio::read_call_request(s.f.payload);
    if (!call) return;
    auto at = s.to.queues.find(call->function);
    int queue = at == s.to.queues.end() ? 0 : at->second;
    if (queue < 0) return;
    auto& called = s.from.called[queue];
    ++called;
    if (!s.from.announced.credit || !s.to.announced.credit) return;
    require(s, called <= credit_of(s, queue), "has no credit");
  }
  /// Returns the credit that has reached the sender, who may or may not have handled it.
  static std::uint64_t credit_of(const spoken& s, int queue) {
    std::uint64_t total = 0;
    for (auto [granted, ends_at] : s.to.granted[queue])
      if (ends_at <= s.from.reached) total = granted;
    return total;
  }

  void judge_credit(const spoken& s) {
    using patio::protocol::packet;
    require(s, s.to.announced.credit, "was not announced");
    require(s, s.f.header.serial == 0, "has a serial");
    if (s.f.header.type == packet::queues) {
      require(s, !std::exchange(s.from.has_told_queues, true), "came twice");
      auto v = patio::read_pickle(s.f.payload);
      auto told = v ? patio::protocol::read_queues(*v, {}) : tl::unexpected(v.error());
      require(s, told.has_value(), "is no map of queues");
      if (told) s.from.queues = std::move(*told);
      return;
    }
    auto total = patio::protocol::read_queue_total(s.f.payload);
    if (!total) return require(s, false, "is not a queue and a number");
    if (s.f.header.type == packet::credit_used)
      return require(s, total->total <= credit_of(s, total->queue) && total->total > 0,
                     "does not name the credit");
    auto& all = s.from.granted[total->queue];
    require(s, s.from.has_told_queues, "comes before the queues");
    require(s, all.empty() || all.back().first < total->total, "grants nothing");
    all.emplace_back(total->total, s.from.put_out);
  }

  static bool has_crossed_its_answer(const end& caller, std::uint32_t serial) {
    auto answer = caller.answered.find(serial);
    return answer != caller.answered.end() && answer->second > caller.heard;
  }

  static bool is_raisable(std::string_view payload) {
    static const std::set<std::string_view> lethal{
      "builtins.StopIteration", "builtins.SystemExit", "builtins.KeyboardInterrupt",
      "builtins.GeneratorExit", "builtins.UnicodeDecodeError"};
    auto v = patio::read_pickle(payload);
    return v && v->kind() == patio::kind::exception && !lethal.contains(v->exception_type());
  }

  static bool has_note_of_ours(std::string_view payload) {
    auto v = patio::read_pickle(payload);
    if (!v || v->kind() != patio::kind::exception) return false;
    for (const auto& note : v->exception_notes())
      if (note.is_text() && note.text().starts_with("patio: ")) return true;
    return false;
  }

  std::array<end, 2> ends_;
};
