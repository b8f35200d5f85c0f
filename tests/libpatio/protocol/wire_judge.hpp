/// Watches one connection's frames as a strict peer would have to bear them, and complains of each
/// that would break it: the traps of wire.md for Python's, and packets of extensions for an end
/// that has not announced them. For tests; knows nothing of sessions.
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

class wire_judge {
public:
  std::vector<std::string> complaints;

  /// These bytes have left one end.
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
  /// So many more bytes have been handled by that end. Without its word, an end may not have heard
  /// of anything yet.
  void arrived(bool at_client, std::size_t bytes) { ends_[at_client ? 1 : 0].heard += bytes; }

private:
  struct end {
    patio::protocol::frame_reader reader;
    std::uint64_t put_out = 0, heard = 0; ///< bytes
    bool told_names = false, may_not_call = false;
    patio::protocol::extensions announced;
    std::set<std::uint32_t> calling, asking, leaving; ///< serials whose answer is due
    std::map<std::uint32_t, std::uint64_t>
      answered; ///< calls, and where in the other's bytes their answer ends
    std::set<std::uint32_t> cancelled;
    std::multiset<patio::protocol::packet> logins;
  };

  void judge(bool by_client, const patio::protocol::frame_reader::frame& f) {
    auto &from = ends_[by_client ? 1 : 0], &to = ends_[by_client ? 0 : 1];
    auto serial = f.header.serial;
    auto require = [&](bool holds, const char* otherwise) {
      if (holds) return;
      auto who = std::string{by_client ? "client: " : "server: "};
      complaints.push_back(who + std::string{to_string(f.header.type)} + " "
                           + std::to_string(serial) + " " + otherwise);
    };
    switch (f.header.type) {
    case patio::protocol::packet::auth_digest:
    case patio::protocol::packet::auth_ok:
      require(!by_client, "is a server's");
      from.logins.insert(f.header.type);
      return require(from.logins.count(f.header.type) == 1, "came twice");
    case patio::protocol::packet::auth_request:
      require(by_client, "is a client's");
      from.logins.insert(f.header.type);
      return require(from.logins.size() == 1, "came twice");
    case patio::protocol::packet::discover_request:
      from.announced = patio::protocol::read_announcement(f.payload, {});
      require(f.payload == patio::protocol::announcement(from.announced),
              "announces in words of its own");
      return require(from.asking.insert(serial).second, "asks twice under one serial");
    case patio::protocol::packet::discover_response:
      from.told_names = true;
      return require(to.asking.erase(serial) == 1, "was not asked for");
    case patio::protocol::packet::request:
      require(from.told_names, "comes before the names");
      require(!from.may_not_call, "comes behind LEAVING_OK");
      require(serial != 0, "has serial 0");
      from.answered.erase(serial);
      from.cancelled.erase(serial);
      return require(from.calling.insert(serial).second, "has a serial in use");
    case patio::protocol::packet::error:
      require(is_raisable(f.payload), "raises what Python cannot");
      require(to.announced.endings || !has_note_of_ours(f.payload),
              "has a note that its caller does not know");
      [[fallthrough]];
    case patio::protocol::packet::response:
      to.answered[serial] = from.put_out;
      return require(to.calling.erase(serial) == 1, "answers nothing");
    case patio::protocol::packet::cancel:
      require(to.announced.cancel, "was not announced");
      require(f.payload == "\x80\x05N.", "is not None");
      require(from.calling.contains(serial) || has_crossed_its_answer(from, serial),
              "cancels nothing");
      return require(from.cancelled.insert(serial).second, "cancels twice");
    case patio::protocol::packet::leaving:
      require(to.announced.leaving, "was not announced");
      require(f.payload == "\x80\x05N.", "is not None");
      require(from.told_names && to.told_names, "comes before the names");
      return require(from.leaving.insert(serial).second, "has a serial in use");
    case patio::protocol::packet::leaving_ok:
      require(to.announced.leaving, "was not announced");
      require(f.payload == "\x80\x05N.", "is not None");
      from.may_not_call = true;
      return require(to.leaving.erase(serial) == 1, "was not asked for");
    default: return require(false, "is unknown");
    }
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
