#include "cli/image.h"

#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstring>

#include "base/error.h"

namespace convoy::cli {
namespace {

constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;

[[noreturn]] void bad_image(const std::filesystem::path& name, const std::string& why) {
  fail(ErrorCode::kInvalidArgument, "image '" + name.string() + "': " + why);
}

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

// libjpeg reports errors by a callback that may not return. Nothing between setjmp and the jump
// owns memory on the C++ side; `image` and `row` belong to the caller.
bool decode_jpeg_into(std::span<const std::byte> bytes, Image& image, JpegErrors& errors) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = [](j_common_ptr common) {
    auto* self = reinterpret_cast<JpegErrors*>(common->err);
    common->err->format_message(common, self->message);
    std::longjmp(self->jump, 1);
  };
  errors.base.output_message = [](j_common_ptr) {};
  jpeg_create_decompress(&info);
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  image.width = info.output_width;
  image.height = info.output_height;
  if (image.width * image.height > kMaxPixels) {
    std::strcpy(errors.message, "more than 2^28 pixels");
    jpeg_destroy_decompress(&info);
    return false;
  }
  image.pixels.resize(static_cast<std::size_t>(image.width * image.height * 3));
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.pixels.data() + static_cast<std::size_t>(info.output_scanline) *
                                             static_cast<std::size_t>(image.width) * 3;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

Image decode_png(std::span<const std::byte> bytes, const std::filesystem::path& name) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) {
    bad_image(name, png.message);
  }
  Image image;
  image.width = png.width;
  image.height = png.height;
  if (image.width * image.height > kMaxPixels) {
    png_image_free(&png);
    bad_image(name, "more than 2^28 pixels");
  }
  png.format = PNG_FORMAT_RGB;
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&png, &white, image.pixels.data(), 0, nullptr)) {
    bad_image(name, png.message);
  }
  return image;
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Weights of the source samples in [begin, begin + weights.size()) for one output sample.
struct Taps {
  std::int64_t begin;
  std::vector<float> weights;
};

std::vector<Taps> make_taps(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double widen = std::max(scale, 1.0);
  std::vector<Taps> taps(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, std::llround(centre - 2 * widen));
    const auto last = std::min<std::int64_t>(in, std::llround(centre + 2 * widen));
    Taps& t = taps[static_cast<std::size_t>(i)];
    t.begin = std::min(first, in - 1);
    double sum = 0;
    for (std::int64_t j = t.begin; j < std::max(last, t.begin + 1); ++j) {
      const double weight = cubic((static_cast<double>(j) + 0.5 - centre) / widen);
      t.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : t.weights) weight = static_cast<float>(weight / sum);
  }
  return taps;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// Separable: columns first, then rows, rounded to bytes between as image libraries do.
Image resize(const Image& in, std::int64_t height, std::int64_t width) {
  Image wide{width, in.height, {}};
  wide.pixels.resize(static_cast<std::size_t>(wide.width * wide.height * 3));
  const std::vector<Taps> columns = make_taps(in.width, width);
  for (std::int64_t y = 0; y < in.height; ++y) {
    const std::uint8_t* row = &in.pixels[static_cast<std::size_t>(y * in.width * 3)];
    std::uint8_t* to = &wide.pixels[static_cast<std::size_t>(y * width * 3)];
    for (const Taps& t : columns) {
      for (int c = 0; c < 3; ++c) {
        float sum = 0;
        for (std::size_t j = 0; j < t.weights.size(); ++j) {
          sum += t.weights[j] *
                 row[(static_cast<std::size_t>(t.begin) + j) * 3 + static_cast<std::size_t>(c)];
        }
        *to++ = to_byte(sum);
      }
    }
  }
  Image out{width, height, {}};
  out.pixels.resize(static_cast<std::size_t>(width * height * 3));
  const std::vector<Taps> rows = make_taps(in.height, height);
  const auto stride = static_cast<std::size_t>(width * 3);
  for (std::int64_t y = 0; y < height; ++y) {
    const Taps& t = rows[static_cast<std::size_t>(y)];
    for (std::size_t x = 0; x < stride; ++x) {
      float sum = 0;
      for (std::size_t j = 0; j < t.weights.size(); ++j) {
        sum += t.weights[j] * wide.pixels[(static_cast<std::size_t>(t.begin) + j) * stride + x];
      }
      out.pixels[static_cast<std::size_t>(y) * stride + x] = to_byte(sum);
    }
  }
  return out;
}

}  // namespace

bool looks_like_image(std::span<const std::byte> bytes) {
  const auto starts = [&](std::initializer_list<int> magic) {
    return bytes.size() > magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(),
                      [](int a, std::byte b) { return a == static_cast<int>(b); });
  };
  return starts({0xFF, 0xD8, 0xFF}) || starts({0x89, 'P', 'N', 'G'});
}

Image decode_image(std::span<const std::byte> bytes, const std::filesystem::path& name) {
  if (bytes.size() > 1 && bytes[0] == std::byte{0x89}) return decode_png(bytes, name);
  Image image;
  JpegErrors errors{};
  if (!decode_jpeg_into(bytes, image, errors)) bad_image(name, errors.message);
  return image;
}

ConstTensor to_tensor(const Image& image, std::int64_t height, std::int64_t width,
                      const Preprocess& preprocess) {
  std::int64_t h = height, w = width;
  if (preprocess.fit == Preprocess::Fit::kCrop) {
    const double scale =
        std::max(static_cast<double>(height) * 8 / 7 / static_cast<double>(image.height),
                 static_cast<double>(width) * 8 / 7 / static_cast<double>(image.width));
    h = std::max(
        height, static_cast<std::int64_t>(std::llround(static_cast<double>(image.height) * scale)));
    w = std::max(width,
                 static_cast<std::int64_t>(std::llround(static_cast<double>(image.width) * scale)));
  }
  const Image scaled = resize(image, h, w);
  const std::int64_t top = (h - height) / 2, left = (w - width) / 2;
  auto tensor = std::make_shared<Tensor>(DType::kF32, Shape{1, 3, height, width});
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t from = preprocess.bgr ? 2 - c : c;
    float* plane = tensor->as<float>() + static_cast<std::int64_t>(c) * height * width;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const auto at = static_cast<std::size_t>(((y + top) * w + x + left) * 3) + from;
        plane[y * width + x] =
            (static_cast<float>(scaled.pixels[at]) - preprocess.mean[c]) / preprocess.deviation[c];
      }
    }
  }
  return tensor;
}

}  // namespace convoy::cli
