// Work recorded once and launched many times, at less cost than kernel by kernel.
#pragma once

#include <functional>
#include <utility>

#include "cuda/stream.h"

namespace convoy::cuda {

class Graph {
 public:
  // Records what `enqueue` puts on `stream`, running none of it. `enqueue` may not wait for the
  // device, and what it uses must outlive the graph. What it throws is passed on.
  Graph(const Device& device, const Stream& stream, const std::function<void()>& enqueue);
  ~Graph();
  Graph(Graph&& other) noexcept
      : device_(other.device_), executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&&) = delete;

  void launch(CUstream stream) const;

 private:
  const Device* device_;
  CUgraphExec executable_ = nullptr;
};

}  // namespace convoy::cuda
