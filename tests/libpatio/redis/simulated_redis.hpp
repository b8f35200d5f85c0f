/// A Redis server in memory, without sockets and clock: the commands that patio and patio-redis
/// use, with the order of blocked clients and the expiry of Redis. Commands that a client has sent
/// ahead wait while the client is blocked, as in Redis.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <patio/base/time.hpp>
#include <patio/redis/resp.hpp>

class simulated_redis {
public:
  using client_id = std::uint64_t;
  using words = std::vector<std::string>;

  [[nodiscard]] client_id connect();
  /// Handles bytes from a client. Ignores a client that is not connected.
  void receive(client_id id, std::string_view bytes, patio::instant now);
  /// Takes the bytes for a client.
  [[nodiscard]] std::string take_output(client_id id);
  void disconnect(client_id id) { clients_.erase(id); }
  [[nodiscard]] bool is_connected(client_id id) const { return clients_.contains(id); }
  /// Ends blocked commands whose time is over, and drops expired keys.
  void tick(patio::instant now);
  /// The server ends and starts again. Without persistence it forgets all keys.
  void restart(bool keeps_data);

  /// Requires AUTH with this password.
  void set_password(std::string password) { password_ = std::move(password); }
  /// Makes a command fail with this error, until the error is set to "".
  void fail_command(const std::string& name, std::string error) {
    failing_[name] = std::move(error);
  }

  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] std::vector<std::string> keys_without_expiry() const;
  [[nodiscard]] std::size_t length_of(const std::string& list) const;
  [[nodiscard]] bool has(const std::string& key) const {
    return strings_.contains(key) || lists_.contains(key);
  }
  void push(const std::string& list, std::string item);
  void set(const std::string& key, std::string text) { strings_[key] = std::move(text); }
  void erase(const std::string& key);
  /// Every command that clients have sent, in order.
  std::vector<words> log;

private:
  struct client {
    patio::redis::resp_reader reader{{}};
    std::deque<words> waiting; ///< commands that have not run
    std::string output;
    bool is_blocked = false;
    words blocked_on = {};
    patio::instant blocked_until = patio::never;
    std::uint64_t blocked_since = 0;
    bool in_transaction = false, is_broken = false;
    std::vector<words> transaction = {};
    bool is_logged_in = false;
  };

  void run(client& c, patio::instant now);
  void handle(client& c, const words& command, patio::instant now);
  static void refuse(client& c, const std::string& name, const std::string& error);
  [[nodiscard]] std::string execute(const words& command, patio::instant now);
  [[nodiscard]] std::string transaction(client& c, patio::instant now);
  [[nodiscard]] bool pop_for(client& c);
  void begin_blpop(client& c, const words& command, patio::instant now);
  void serve_blocked(patio::instant now);
  [[nodiscard]] std::string remove(const std::string& key, const std::string& item);
  [[nodiscard]] std::string get_all(const words& command) const;
  [[nodiscard]] std::string push_all(const words& command);
  [[nodiscard]] std::string scan() const;
  void expire_at(const std::string& key, patio::instant at);
  void expire(patio::instant now);

  std::map<client_id, client> clients_;
  std::map<std::string, std::deque<std::string>> lists_;
  std::map<std::string, std::string> strings_;
  std::map<std::string, patio::instant> expiries_;
  patio::instant next_expiry_ = patio::never; ///< no key expires earlier
  std::map<std::string, std::string> failing_;
  std::string password_;
  client_id last_client_ = 0;
  std::uint64_t last_block_ = 0;
};
