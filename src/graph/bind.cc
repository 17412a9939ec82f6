#include "graph/bind.h"

#include <algorithm>

#include "base/error.h"

namespace convoy {
namespace {

[[noreturn]] void refuse(const std::string& message) { fail(ErrorCode::kInvalidArgument, message); }

std::string quoted(const std::string& name) { return "'" + name + "'"; }

std::string dimension(std::size_t axis, const Dim& dim) {
  return "dimension " + std::to_string(axis) +
         (dim.symbol.empty() ? std::string() : " (" + quoted(dim.symbol) + ")");
}

class Binder {
 public:
  Binder(Graph& graph, const Bindings& bindings) : graph_(graph), bindings_(bindings) {}

  void run() {
    check_names();
    symbols_ = bindings_.symbols;
    for (ValueId id : graph_.inputs) learn_symbols(graph_.value(id));
    default_first_symbols();
    for (ValueId id : graph_.inputs) bind(graph_.value(id));
  }

 private:
  void check_names() const {
    std::string inputs, symbols;
    std::map<std::string, bool> is_input, is_symbol;
    for (ValueId id : graph_.inputs) {
      const Value& v = graph_.value(id);
      inputs += (inputs.empty() ? "" : ", ") + quoted(v.name);
      is_input[v.name] = true;
      for (const Dim& dim : v.declared) {
        if (dim.symbol.empty() || is_symbol[dim.symbol]) continue;
        symbols += (symbols.empty() ? "" : ", ") + quoted(dim.symbol);
        is_symbol[dim.symbol] = true;
      }
    }
    const auto require_input = [&](const std::string& name) {
      if (is_input.count(name)) return;
      refuse("the model has no input " + quoted(name) +
             "; its inputs are: " + (inputs.empty() ? "none" : inputs));
    };
    for (const auto& [name, shape] : bindings_.shapes) require_input(name);
    for (const auto& [name, tensor] : bindings_.values) require_input(name);
    for (const auto& [name, extent] : bindings_.symbols) {
      if (!is_symbol[name]) {
        refuse("the model's inputs have no dimension named " + quoted(name) +
               "; named dimensions are: " + (symbols.empty() ? "none" : symbols));
      }
      if (extent < 1) {
        refuse("dimension " + quoted(name) + " is bound to " + std::to_string(extent) +
               ", expected at least 1");
      }
    }
  }

  // The shape given for an input as a whole, by its contents or by name; null when none is.
  const Shape* given_shape(const Value& v) const {
    const auto value = bindings_.values.find(v.name);
    const auto shape = bindings_.shapes.find(v.name);
    if (value == bindings_.values.end()) {
      return shape == bindings_.shapes.end() ? nullptr : &shape->second;
    }
    const Shape& found = value->second->shape();
    if (shape != bindings_.shapes.end() && !(shape->second == found)) {
      refuse("input " + quoted(v.name) + " is bound to the shape " + to_string(shape->second) +
             " and to contents of shape " + to_string(found));
    }
    return &found;
  }

  // Checks a given shape against the file and takes over the extents of named dimensions.
  void learn_symbols(const Value& v) {
    const Shape* given = given_shape(v);
    if (given == nullptr || !v.has_declared) return;
    if (static_cast<std::size_t>(given->rank()) != v.declared.size()) {
      refuse("input " + quoted(v.name) + " is bound to " + to_string(*given) + ", but has rank " +
             std::to_string(v.declared.size()));
    }
    for (std::size_t axis = 0; axis < v.declared.size(); ++axis) {
      const Dim& dim = v.declared[axis];
      const std::int64_t extent = (*given)[static_cast<int>(axis)];
      const auto [symbol, added] = dim.value < 0 && !dim.symbol.empty()
                                       ? symbols_.try_emplace(dim.symbol, extent)
                                       : std::pair(symbols_.end(), false);
      const std::int64_t expected = dim.value >= 0             ? dim.value
                                    : symbol != symbols_.end() ? symbol->second
                                                               : extent;
      if (extent != expected) {
        refuse("input " + quoted(v.name) + " is bound to " + to_string(*given) + ", but its " +
               dimension(axis, dim) + " is fixed to " + std::to_string(expected));
      }
    }
  }

  void default_first_symbols() {
    for (ValueId id : graph_.inputs) {
      const auto& declared = graph_.value(id).declared;
      if (declared.empty() || declared[0].value >= 0 || declared[0].symbol.empty()) continue;
      symbols_.try_emplace(declared[0].symbol, bindings_.default_extent);
    }
  }

  std::int64_t extent_of(const Value& v, std::size_t axis) const {
    const Dim& dim = v.declared[axis];
    if (dim.value >= 0) return dim.value;
    if (const auto symbol = symbols_.find(dim.symbol);
        !dim.symbol.empty() && symbol != symbols_.end()) {
      return symbol->second;
    }
    if (axis == 0) return bindings_.default_extent;
    refuse("input " + quoted(v.name) + ": " + dimension(axis, dim) + " is not fixed; bind it");
  }

  void bind(Value& v) const {
    if (const Shape* given = given_shape(v)) {
      v.shape = *given;
    } else if (!v.has_declared) {
      refuse("input " + quoted(v.name) + " has no shape in the file; bind it");
    } else {
      Shape shape;
      for (std::size_t axis = 0; axis < v.declared.size(); ++axis) {
        shape.push_back(extent_of(v, axis));
      }
      v.shape = shape;
    }
    const auto value = bindings_.values.find(v.name);
    if (value == bindings_.values.end()) return;
    if (value->second->dtype() != v.dtype) {
      refuse("input " + quoted(v.name) + " is bound to contents of type " +
             std::string(to_string(value->second->dtype())) + ", expected " +
             std::string(to_string(v.dtype)));
    }
    v.constant = value->second;
  }

  Graph& graph_;
  const Bindings& bindings_;
  std::map<std::string, std::int64_t> symbols_;
};

}  // namespace

void bind_inputs(Graph& graph, const Bindings& bindings) { Binder(graph, bindings).run(); }

}  // namespace convoy
