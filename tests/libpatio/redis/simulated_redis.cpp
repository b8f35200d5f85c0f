#include "simulated_redis.hpp"

#include <algorithm>

using patio::instant;
using patio::never;
using patio::redis::resp;

namespace {

std::string integer(std::int64_t n) { return ":" + std::to_string(n) + "\r\n"; }
std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
const std::string ok = "+OK\r\n",
                  wrong_type =
                    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

} // namespace

simulated_redis::client_id simulated_redis::connect() {
  clients_[++last_client_];
  return last_client_;
}

void simulated_redis::receive(client_id id, std::string_view bytes, instant now) {
  auto at = clients_.find(id);
  if (at == clients_.end()) return;
  std::vector<resp> commands;
  if (!at->second.reader.read(bytes, commands)) return disconnect(id);
  for (auto& command : commands) {
    words all;
    for (auto& item : command.items) all.push_back(std::move(item.text));
    at->second.waiting.push_back(std::move(all));
  }
  run(at->second, now);
  serve_blocked(now);
}

std::string simulated_redis::take_output(client_id id) {
  auto at = clients_.find(id);
  return at == clients_.end() ? std::string{} : std::exchange(at->second.output, {});
}

void simulated_redis::run(client& c, instant now) {
  while (!c.is_blocked && !c.waiting.empty()) {
    auto command = std::move(c.waiting.front());
    c.waiting.pop_front();
    log.push_back(command);
    handle(c, command, now);
  }
}

void simulated_redis::handle(client& c, const words& command, instant now) {
  expire(now);
  const auto& name = command.at(0);
  if (name == "AUTH") {
    c.is_logged_in = command.back() == password_;
    c.output +=
      c.is_logged_in ? ok : "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  } else if (!password_.empty() && !c.is_logged_in) {
    c.output += "-NOAUTH Authentication required.\r\n";
  } else if (auto failing = failing_.find(name);
             failing != failing_.end() && !failing->second.empty()) {
    refuse(c, name, failing->second);
  } else if (name == "MULTI") {
    c.output += c.in_transaction ? "-ERR MULTI calls can not be nested\r\n" : ok;
    c.in_transaction = true;
  } else if (name == "EXEC") {
    c.output += transaction(c, now);
  } else if (c.in_transaction) {
    c.transaction.push_back(command);
    c.output += "+QUEUED\r\n";
  } else if (name == "BLPOP") {
    begin_blpop(c, command, now);
  } else {
    c.output += execute(command, now);
  }
}

// A server without the command EXEC stays in the transaction. A refused EXEC discards it.
void simulated_redis::refuse(client& c, const std::string& name, const std::string& error) {
  bool is_unknown = error.starts_with("ERR unknown command");
  if (name == "EXEC" && !is_unknown) { // without a transaction, too
    c.transaction.clear();
    c.in_transaction = c.is_broken = false;
    c.output += "-EXECABORT Transaction discarded because of: " + error + "\r\n";
    return;
  }
  c.is_broken = c.in_transaction;
  c.output += "-" + error + "\r\n";
}

std::string simulated_redis::transaction(client& c, instant now) {
  if (!c.in_transaction) return "-ERR EXEC without MULTI\r\n";
  auto commands = std::exchange(c.transaction, {});
  c.in_transaction = false;
  if (std::exchange(c.is_broken, false))
    return "-EXECABORT Transaction discarded because of previous errors.\r\n";
  auto out = "*" + std::to_string(commands.size()) + "\r\n";
  for (const auto& command : commands) out += execute(command, now);
  return out;
}

std::string simulated_redis::execute(const words& command, instant now) {
  const auto& name = command.at(0);
  if (name == "PING") return "+PONG\r\n";
  if (name == "SELECT") return ok;
  if (name == "SCAN") return scan();
  if (name == "MGET") return get_all(command);
  const auto& key = command.at(1);
  if (name == "SETEX" || name == "SET") {
    strings_[key] = command.back();
    expiries_.erase(key);
    if (name == "SETEX") expire_at(key, now + std::chrono::seconds{std::stoll(command.at(2))});
    else if (command.size() == 5) {
      strings_[key] = command.at(2);
      expire_at(key, now + std::chrono::milliseconds{std::stoll(command.at(4))});
    }
    return ok;
  }
  if (name == "TYPE")
    return strings_.contains(key) ? "+string\r\n"
           : lists_.contains(key) ? "+list\r\n"
                                  : "+none\r\n";
  if (name == "RPUSH") return push_all(command);
  if (name == "DEL") {
    bool found = has(key);
    erase(key);
    return integer(found ? 1 : 0);
  }
  if (name == "PEXPIRE") {
    if (has(key)) expire_at(key, now + std::chrono::milliseconds{std::stoll(command.at(2))});
    return integer(has(key) ? 1 : 0);
  }
  if (name == "PTTL") {
    if (!has(key)) return integer(-2);
    auto at = expiries_.find(key);
    return integer(at == expiries_.end() ? -1 : (at->second - now) / std::chrono::milliseconds{1});
  }
  if (name == "LREM") return remove(key, command.at(3));
  return "-ERR unknown command '" + name + "'\r\n";
}

std::string simulated_redis::get_all(const words& command) const {
  auto out = "*" + std::to_string(command.size() - 1) + "\r\n";
  for (auto key = command.begin() + 1; key != command.end(); ++key) {
    auto at = strings_.find(*key);
    out += at == strings_.end() ? "$-1\r\n" : bulk(at->second);
  }
  return out;
}

std::string simulated_redis::remove(const std::string& key, const std::string& item) {
  auto& list = lists_[key];
  auto found = std::find(list.begin(), list.end(), item);
  bool is_there = found != list.end();
  if (is_there) list.erase(found);
  if (list.empty()) erase(key);
  return integer(is_there ? 1 : 0);
}

std::string simulated_redis::push_all(const words& command) {
  const auto& key = command.at(1);
  if (strings_.contains(key)) return wrong_type;
  auto& list = lists_[key];
  list.insert(list.end(), command.begin() + 2, command.end());
  return integer(static_cast<std::int64_t>(list.size()));
}

std::string simulated_redis::scan() const {
  auto all = keys();
  std::erase_if(all, [](const auto& key) { return !key.starts_with("patio:serving:"); });
  auto out = "*2\r\n" + bulk("0") + "*" + std::to_string(all.size()) + "\r\n";
  for (const auto& key : all) out += bulk(key);
  return out;
}

void simulated_redis::begin_blpop(client& c, const words& command, instant now) {
  c.blocked_on.assign(command.begin() + 1, command.end() - 1);
  if (pop_for(c)) return;
  c.is_blocked = true;
  c.blocked_since = ++last_block_;
  auto seconds = std::stoll(command.back());
  c.blocked_until = seconds == 0 ? never : now + std::chrono::seconds{seconds};
}

// A key of another type matters only when the command begins, and only if no list before it has an
// item.
bool simulated_redis::pop_for(client& c) {
  for (const auto& key : c.blocked_on) {
    if (!c.is_blocked && strings_.contains(key)) {
      c.output += wrong_type;
      return true;
    }
    auto at = lists_.find(key);
    if (at == lists_.end()) continue;
    c.output += "*2\r\n" + bulk(key) + bulk(at->second.front());
    at->second.pop_front();
    if (at->second.empty()) erase(key);
    return true;
  }
  return false;
}

// Clients are served in the order in which they were blocked.
void simulated_redis::serve_blocked(instant now) {
  if (lists_.empty()) return; // there may be thousands of blocked clients
  for (bool again = true; again;) {
    again = false;
    std::map<std::uint64_t, client*> blocked;
    for (auto& [id, c] : clients_)
      if (c.is_blocked) blocked[c.blocked_since] = &c;
    for (auto& [since, c] : blocked) {
      if (!c->is_blocked || !pop_for(*c)) continue;
      c->is_blocked = false;
      run(*c, now);
      again = true;
    }
  }
}

void simulated_redis::tick(instant now) {
  expire(now);
  for (auto& [id, c] : clients_) {
    if (!c.is_blocked || c.blocked_until > now) continue;
    c.output += "*-1\r\n";
    c.is_blocked = false;
    run(c, now);
  }
  serve_blocked(now);
}

void simulated_redis::restart(bool keeps_data) {
  clients_.clear();
  if (keeps_data) return;
  lists_.clear();
  strings_.clear();
  expiries_.clear();
}

void simulated_redis::expire_at(const std::string& key, instant at) {
  expiries_[key] = at;
  next_expiry_ = std::min(next_expiry_, at);
}

void simulated_redis::expire(instant now) {
  if (now < next_expiry_) return;
  std::vector<std::string> over;
  next_expiry_ = never;
  for (const auto& [key, at] : expiries_)
    if (at <= now) over.push_back(key);
    else next_expiry_ = std::min(next_expiry_, at);
  for (const auto& key : over) erase(key);
}

void simulated_redis::push(const std::string& list, std::string item) {
  lists_[list].push_back(std::move(item));
  serve_blocked(instant::zero());
}

void simulated_redis::erase(const std::string& key) {
  lists_.erase(key);
  strings_.erase(key);
  expiries_.erase(key);
}

std::vector<std::string> simulated_redis::keys() const {
  std::vector<std::string> all;
  for (const auto& [key, unused] : strings_) all.push_back(key);
  for (const auto& [key, unused] : lists_) all.push_back(key);
  return all;
}

std::vector<std::string> simulated_redis::keys_without_expiry() const {
  auto all = keys();
  std::erase_if(all, [this](const auto& key) { return expiries_.contains(key); });
  return all;
}

std::size_t simulated_redis::length_of(const std::string& list) const {
  auto at = lists_.find(list);
  return at == lists_.end() ? 0 : at->second.size();
}
