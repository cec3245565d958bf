using System.Collections.Concurrent;
using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>What kernels occupy on a model of GPU: from NVRTC's images where an NVRTC is at hand that makes them, else from the table of
/// what they may occupy.</summary>
internal static class KernelOccupancies
{
    /// <summary>Finds out.</summary>
    /// <param name="kernels">Names; those of no kernel are left out.</param>
    /// <param name="model">The GPU.</param>
    /// <param name="precision">Element type.</param>
    /// <returns>By kernel, and where the numbers are from.</returns>
    public static (IReadOnlyDictionary<string, KernelOccupancy> Needs, string Source) Of(
        IReadOnlyCollection<string> kernels,
        DeviceModel model,
        Precision precision
    )
    {
        var budget = Budget(kernels, model, precision);
        var nvrtc = NvrtcLibrary.TryFind(out _);
        if (nvrtc is null || !nvrtc.Architectures.Contains(Architecture(model)))
            return (budget, $"the table {KernelBudget.Path}");
        var found = new ConcurrentDictionary<string, KernelOccupancy>(StringComparer.Ordinal);
        try
        {
            Parallel.ForEach(
                KernelCatalog.Files.Where(f => f.Kernels.Any(k => budget.ContainsKey(k.Name))),
                file =>
                {
                    foreach (var (kernel, needs) in Cubin.Occupancy(KernelImages.Compile(nvrtc, file.Path, precision, model.Capability)))
                        found[kernel] = needs;
                }
            );
        }
        // A text that does not compile is no matter of a plan.
        catch (AggregateException e) when (e.InnerExceptions.All(i => i is KernelCompilationException or FormatException))
        {
            return (budget, $"the table {KernelBudget.Path}");
        }
        return (found, $"images of NVRTC {nvrtc.Version}");
    }

    /// <summary>What they may occupy at the most, by the table.</summary>
    public static Dictionary<string, KernelOccupancy> Budget(IEnumerable<string> kernels, DeviceModel model, Precision precision) =>
        kernels
            .Select(k => (Kernel: k, Needs: KernelBudget.Of(k, precision, Architecture(model))))
            .Where(k => k.Needs is not null)
            .ToDictionary(k => k.Kernel, k => k.Needs!.Value, StringComparer.Ordinal);

    private static int Architecture(DeviceModel model) => (model.Capability.Major * 10) + model.Capability.Minor;
}
