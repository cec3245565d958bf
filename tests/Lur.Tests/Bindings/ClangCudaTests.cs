using System.Diagnostics;
using System.Text.RegularExpressions;
using Lur.Device;

namespace Lur.Tests.Bindings;

/// <summary>
/// Every kernel file through clang's CUDA front end, which needs no file of NVIDIA's: a second reader beside NVRTC. It
/// refuses what NVRTC lets pass (narrowing, use before declaration).
/// </summary>
public class ClangCudaTests
{
    private static readonly Lazy<string?> Clang = new(FindClang);

    private static IEnumerable<string> Files => KernelCatalog.Files.Select(f => f.Path);

    [Test]
    public void EveryKernelFileIsCudaForClang([ValueSource(nameof(Files))] string file, [Values] Precision precision)
    {
        if (Clang.Value is null)
            Assert.Ignore("Not run: no clang++ 16 or newer with the NVPTX target; install it with 'apt-get install clang-16' or newer.");
        var kernels = KernelSource.Folder;
        // +ptx80: the *_sync shuffles are not in clang's default PTX version for sm_80.
        var (code, ptx, log) = Run(
            Clang.Value!,
            "-x",
            "cuda",
            "--cuda-device-only",
            "-nocudainc",
            "-nocudalib",
            "--cuda-gpu-arch=sm_80",
            "--cuda-feature=+ptx80",
            "-std=c++17",
            "-O1",
            "-Wall",
            "-Wno-unused-function",
            "-S",
            $"-DLUR_REAL={precision.TypeName()}",
            "-include",
            Path.Combine(AppContext.BaseDirectory, "Bindings", "Clang", "cuda_device.h"),
            "-I",
            kernels,
            Path.Combine(kernels, file),
            "-o",
            "-"
        );
        Assert.That(code, Is.Zero, log);
        var entries = Regex.Matches(ptx, @"\.entry (\w+)").Select(m => m.Groups[1].Value);
        Assert.That(entries, Is.EquivalentTo(KernelCatalog.Files.Single(f => f.Path == file).Kernels.Select(k => k.Name)));
    }

    private static string? FindClang()
    {
        var names = Enumerable.Range(16, 10).Reverse().Select(v => $"clang++-{v}").Prepend("clang++");
        foreach (var name in names)
        {
            try
            {
                var (code, version, _) = Run(name, "--version");
                if (
                    code == 0
                    && Regex.Match(version, @"version (\d+)") is { Success: true } match
                    && int.Parse(match.Groups[1].Value) >= 16
                    && Run(name, "--print-targets").Output.Contains("nvptx64", StringComparison.Ordinal)
                )
                    return name;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not installed under this name.
            }
        }
        return null;
    }

    private static (int Code, string Output, string Error) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
