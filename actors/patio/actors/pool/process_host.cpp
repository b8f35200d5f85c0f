#include <patio/actors/pool/process_host.hpp>

#include <utility>

#include <patio/actors/pool/process_loop.hpp>

namespace patio {

process_host::process_host(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox,
                           registry functions, const process_pool_options& options)
    : inbox_{std::move(inbox)}, thread_{[host = std::make_shared<process_loop>(
                                           std::move(core), inbox_, std::move(functions),
                                           options)] { host->run(); }} {}

process_host::~process_host() {
  inbox_->put({process_event::kind::end});
  thread_.join();
}

} // namespace patio
