// The shim's text, in the library: images can be compiled wherever it is loaded.
#include "embedded.h"

// .incbin searches the assembler's include path, which the build sets to shim/.
#define LUR_EMBED(symbol, file)                                                                                        \
    asm(".section .rodata\n.hidden " #symbol "\n.hidden " #symbol "_end\n.globl " #symbol "\n.globl " #symbol          \
        "_end\n" #symbol ":\n.incbin \"" file "\"\n" #symbol "_end:\n.byte 0\n.text\n");                               \
    extern "C" const char symbol[], symbol##_end[];

LUR_EMBED(lur_text_abi, "image_abi.h")
LUR_EMBED(lur_text_math, "math.h")
LUR_EMBED(lur_text_shim, "shim.h")
LUR_EMBED(lur_text_tensor, "tensor.h")
LUR_EMBED(lur_text_trace, "trace.h")

namespace lur {

const EmbeddedFile* embeddedFiles() {
    static const EmbeddedFile files[] = {
        {"image_abi.h", {lur_text_abi, (size_t)(lur_text_abi_end - lur_text_abi)}},
        {"math.h", {lur_text_math, (size_t)(lur_text_math_end - lur_text_math)}},
        {"shim.h", {lur_text_shim, (size_t)(lur_text_shim_end - lur_text_shim)}},
        {"tensor.h", {lur_text_tensor, (size_t)(lur_text_tensor_end - lur_text_tensor)}},
        {"trace.h", {lur_text_trace, (size_t)(lur_text_trace_end - lur_text_trace)}},
        {nullptr, {}},
    };
    return files;
}

} // namespace lur
