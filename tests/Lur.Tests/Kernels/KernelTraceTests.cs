using System.Text.RegularExpressions;
using Lur.Device;
using Lur.Runs;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>What a GPU would see of the kernels at the widths of real models: their warps' requests, on a sample of blocks.</summary>
[TestFixture]
public class KernelTraceTests
{
    private const double MostSectors = 1.25,
        LeastActive = 0.9;
    private const int MostWays = 2;

    private static readonly string[] s_folders = ["operators/", "losses/", "vectors/"];

    // Widths as in use, so that rows are as long; few images, because a warp does not see how many there are.
    private static readonly (string Model, int Batch, string Method, (string, string)[] Options)[] s_steps =
    [
        ("resnet18:w64", 8, "lur", []),
        ("resnet18:w64", 8, "scrub", []),
        ("unet:w64,128:down01:up10:r1:g8", 8, "lur", []),
    ];

    private static readonly Lazy<IReadOnlyDictionary<string, KernelTrace>> s_traces = new(Trace);

    [Test]
    public void EveryKernelKeepsToTheLimitsOrSaysWhyNot()
    {
        RequireTracing();
        var broken = new List<string>();
        foreach (var file in KernelCatalog.Files.Where(f => s_folders.Any(p => f.Path.StartsWith(p, StringComparison.Ordinal))))
        {
            var text = File.ReadAllText(Path.Combine(KernelSource.Folder, file.Path));
            foreach (var kernel in file.Kernels)
            {
                if (!s_traces.Value.TryGetValue(kernel.Name, out var t))
                {
                    broken.Add($"{file.Path} {kernel.Name}: no step of this test launches it");
                    continue;
                }

                var found = Beyond(t);
                TestContext.Out.WriteLine($"{file.Path} {kernel.Name}: {Describe(t)}");
                var excused = Regex.IsMatch(text, $@"^// Trace: .*\b{kernel.Name}\b", RegexOptions.Multiline);
                if (found.Length > 0 && !excused)
                    broken.Add($"{file.Path} {kernel.Name}: {string.Join(", ", found)}");
                if (found.Length == 0 && excused)
                    broken.Add($"{file.Path} {kernel.Name}: its header excuses it, and it keeps to the limits");
            }
        }

        Assert.That(broken, Is.Empty, string.Join('\n', broken));
    }

    private static string[] Beyond(KernelTrace t)
    {
        var found = new List<string>();
        if (t.Loads.Ratio > MostSectors)
            found.Add(FormattableString.Invariant($"loads touch {t.Loads.Ratio:F2} times the least sectors"));
        if (t.Stores.Ratio > MostSectors)
            found.Add(FormattableString.Invariant($"stores touch {t.Stores.Ratio:F2} times the least sectors"));
        if (t.WorstConflict > MostWays)
            found.Add($"{t.WorstConflict}-way bank conflicts");
        if (t.ActiveShare < LeastActive)
            found.Add(FormattableString.Invariant($"{100 * t.ActiveShare:F0} % of the lanes are active"));
        return [.. found];
    }

    private static string Describe(KernelTrace t) =>
        FormattableString.Invariant(
            $"{t.Loads.Ratio:F2} {t.Stores.Ratio:F2} sectors, {t.WorstConflict} ways, {100 * t.ActiveShare:F0} % active, {t.BytesRatio:F2} bytes"
        );

    private static Dictionary<string, KernelTrace> Trace()
    {
        using var device = KernelTrace.OpenDevice();
        return s_steps
            .SelectMany(s => TraceRun.Step(device, s.Model, s.Batch, s.Method, s.Options))
            .GroupBy(t => t.Kernel)
            .ToDictionary(g => g.Key, g => KernelTrace.Sum([.. g]), StringComparer.Ordinal);
    }

    private static void RequireTracing()
    {
        _ = TestDevices.All;
        if (!Enumerable.Range(0, ComputeDevice.Count).Any(TestDevices.Traces))
            Assert.Ignore("Not run: only the host driver traces kernels.");
    }
}
