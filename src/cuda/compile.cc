#include "cuda/compile.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "base/thread_pool.h"
#include "cuda/nvrtc.h"

namespace convoy::cuda {

Binary compile_uncached(const Program& program, const std::string& arch) {
  return run_nvrtc(program, arch);
}

std::vector<Binary> compile(std::span<const Program> programs, const std::string& arch,
                            int threads) {
  std::vector<Binary> binaries(programs.size());
  std::vector<std::exception_ptr> errors(programs.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < programs.size();) {
      try {
        binaries[i] = compile_uncached(programs[i], arch);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  };
  const std::size_t wanted = std::min(
      programs.size(), static_cast<std::size_t>(threads > 0 ? threads : available_threads()));
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < wanted; ++t) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return binaries;
}

}  // namespace convoy::cuda
