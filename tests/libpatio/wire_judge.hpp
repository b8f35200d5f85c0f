/// Watches one connection's frames as a strict Python peer would have to bear them, and complains of each that would break it:
/// the traps of wire.md. For tests; knows nothing of sessions.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <patio/frame.hpp>
#include <patio/pickle.hpp>

class wire_judge {
public:
  std::vector<std::string> complaints;

  void carry(bool by_client, std::string_view bytes) {
    auto& from = ends_[by_client ? 1 : 0];
    from.reader.feed(bytes);
    while (auto f = from.reader.next([](const patio::frame_header&) { return patio::frame_reader::verdict::take; })) judge(by_client, *f);
  }

private:
  struct end {
    patio::frame_reader reader;
    bool told_names = false;
    std::set<std::uint32_t> calling, asking; ///< serials whose answer is due
    std::multiset<patio::packet> logins;
  };

  void judge(bool by_client, const patio::frame_reader::frame& f) {
    auto &from = ends_[by_client ? 1 : 0], &to = ends_[by_client ? 0 : 1];
    auto require = [&](bool holds, const char* otherwise) {
      if (holds) return;
      auto who = std::string{by_client ? "client: " : "server: "};
      complaints.push_back(who + std::string{to_string(f.header.type)} + " " + std::to_string(f.header.serial) + " " + otherwise);
    };
    switch (f.header.type) {
    case patio::packet::auth_digest:
    case patio::packet::auth_ok:
      require(!by_client, "is a server's");
      from.logins.insert(f.header.type);
      return require(from.logins.count(f.header.type) == 1, "came twice");
    case patio::packet::auth_request:
      require(by_client, "is a client's");
      from.logins.insert(f.header.type);
      return require(from.logins.size() == 1, "came twice");
    case patio::packet::discover_request: return require(from.asking.insert(f.header.serial).second, "asks twice under one serial");
    case patio::packet::discover_response:
      from.told_names = true;
      return require(to.asking.erase(f.header.serial) == 1, "was not asked for");
    case patio::packet::request:
      require(from.told_names, "comes before the names");
      require(f.header.serial != 0, "has serial 0");
      return require(from.calling.insert(f.header.serial).second, "has a serial in use");
    case patio::packet::error: require(is_raisable(f.payload), "raises what Python cannot"); [[fallthrough]];
    case patio::packet::response: return require(to.calling.erase(f.header.serial) == 1, "answers nothing");
    default: return require(false, "is unknown");
    }
  }

  static bool is_raisable(std::string_view payload) {
    static const std::set<std::string_view> lethal{"builtins.StopIteration", "builtins.SystemExit", "builtins.KeyboardInterrupt",
                                                   "builtins.GeneratorExit", "builtins.UnicodeDecodeError"};
    auto v = patio::read_pickle(payload);
    return v && v->kind() == patio::kind::exception && !lethal.contains(v->exception_type());
  }

  std::array<end, 2> ends_;
};
