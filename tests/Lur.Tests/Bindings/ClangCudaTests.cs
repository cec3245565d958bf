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
        var kernels = KernelPlaces.Default.Sources!;
        // +ptx80: the *_sync shuffles are not in clang's default PTX version for sm_80.
        string[] options =
        [
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
            "-",
        ];
        var (code, ptx, log) = ChildProcess.Run(Clang.Value!, options);
        Assert.That(code, Is.Zero, log);
        var entries = Regex.Matches(ptx, @"\.entry (\w+)").Select(m => m.Groups[1].Value);
        Assert.That(entries, Is.EquivalentTo(KernelCatalog.Files.Single(f => f.Path == file).Kernels.Select(k => k.Name)));
    }

    private static string? FindClang()
    {
        var names = Enumerable.Range(16, 10).Reverse().Select(v => $"clang++-{v}").Prepend("clang++");
        foreach (var name in names)
        {
            if (
                ChildProcess.TryRun(name, ["--version"]) is { ExitCode: 0 } about
                && Regex.Match(about.Output, @"version (\d+)") is { Success: true } match
                && int.Parse(match.Groups[1].Value) >= 16
                && ChildProcess.Run(name, ["--print-targets"]).Output.Contains("nvptx64", StringComparison.Ordinal)
            )
                return name;
        }
        return null;
    }
}
