/// The connections on which a caller waits for replies, and how calls are spread over them.
#pragma once

#include <deque>

#include <patio/redis/commands.hpp>
#include <patio/redis/waiting_link.hpp>

namespace patio::redis {

class waiting_links {
public:
  waiting_links(std::shared_ptr<const settings> options, call_table& table, link_number first)
      : options_{std::move(options)}, table_{table}, first_{first} {}

  /// Adds a call to the link with the fewest calls, or to a new link.
  [[nodiscard]] waiting_link& add(call_number number, call& c);
  void remove(call_number number, const call& c);
  /// Returns null for the number of another link.
  [[nodiscard]] waiting_link* find(link_number number) noexcept;
  template <class F> // F(waiting_link&)
  void each(F f) {
    for (auto& w : links_) f(w);
  }
  [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }

  /// Sends the next BLPOP of a link, if calls wait for it.
  void ask(waiting_link& w, instant now);
  /// Asks for the types of the keys of a link, after a BLPOP has found one that is no list. Does
  /// nothing while `commands` is not ready.
  void ask_for_types(waiting_link& w, redis::commands& commands, instant now);

  /// Dials the links that calls wait for.
  void dial(instant now, events& out);
  [[nodiscard]] instant next_deadline() const noexcept;

private:
  std::shared_ptr<const settings> options_;
  call_table& table_;
  link_number first_;
  std::deque<waiting_link> links_;
};

} // namespace patio::redis
