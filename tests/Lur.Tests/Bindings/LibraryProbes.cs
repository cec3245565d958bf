using Lur.Cuda.Loading;
using Lur.Device;

namespace Lur.Tests.Bindings;

/// <summary>What child processes do; see <see cref="TestHost"/>.</summary>
internal static class LibraryProbes
{
    /// <summary>Who serves: the paths of the three libraries.</summary>
    internal static string Backend()
    {
        var driver = NativeLibraries.Get(NativeLibraries.Driver);
        return $"{driver.Path}\n{NativeLibraries.Get(NativeLibraries.Compiler).Path}\n{NativeLibraries.Chosen.Reason}";
    }

    internal static string Doctor() => Diagnostics.Inspect().ToJson();

    internal static string Diagnosis() => Diagnostics.Inspect().ToText();

    /// <summary>Compiles one kernel file and says where its image came from.</summary>
    internal static string Compile()
    {
        using var device = ComputeDevice.Open();
        var proximal = device.Kernels(Precision.Float32).Proximal;
        proximal.Load();
        return proximal.Origin.ToString();
    }

    internal static string Gemm()
    {
        using var device = ComputeDevice.Open();
        return device.Gemm.GetType().Name;
    }
}
