#include <patio/redis/transaction.hpp>

#include <utility>

#include <patio/value/repr.hpp>

namespace patio::redis {

// Successful replies to MULTI and to queued commands say nothing new, so they are not kept.
bool transaction::take(resp reply) {
  bool is_multi = missing_ == commands_ + 2;
  --missing_;
  if (is_multi) has_begun_ = reply.kind == resp::type::text;
  if (reply.kind == resp::type::error && refused_.empty() && (is_multi || missing_ == 0))
    refused_ = reply.text;
  if (missing_ == 0) {
    exec_ = std::move(reply);
  } else if (!is_multi) {
    if (reply.kind == resp::type::text && reply.text == "QUEUED") is_queued_ = true;
    else direct_.push_back(std::move(reply));
  }
  return missing_ == 0;
}

result<std::vector<resp>> transaction::outcome() {
  if (exec_.kind == resp::type::array && exec_.items.size() == commands_)
    return std::move(exec_.items);
  // Redis also answers EXECABORT to an EXEC that an access rule forbids, although the commands have
  // run if MULTI was refused as well.
  if (!has_begun_ && !is_queued_ && direct_.size() == commands_ && exec_.kind == resp::type::error)
    return std::move(direct_);
  if (has_begun_ && exec_.kind == resp::type::error && exec_.text.starts_with("EXECABORT")) {
    // The first refused command says more than EXEC.
    for (auto& reply : direct_)
      if (reply.kind == resp::type::error)
        return std::vector<resp>(commands_, resp{resp::type::error, std::move(reply.text)});
    return std::vector<resp>(commands_, std::move(exec_));
  }
  return fail(errc::protocol, "the server does not answer EXEC as Redis does"
                                + (refused_.empty() ? "" : ": " + quoted(refused_, 200)));
}

} // namespace patio::redis
