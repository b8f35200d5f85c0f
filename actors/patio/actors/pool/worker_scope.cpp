#include <patio/actors/pool/worker_scope.hpp>

#include <utility>

namespace patio {
namespace {

thread_local const worker_scope* innermost = nullptr;

} // namespace

worker_scope::worker_scope(const task_run& run, worker_thread thread)
    : run_{run}, thread_{thread}, outer_{std::exchange(innermost, this)} {}

worker_scope::~worker_scope() { innermost = outer_; }

const worker_scope* worker_scope::current() noexcept { return innermost; }

} // namespace patio
