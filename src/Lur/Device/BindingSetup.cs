#if MANAGEDCUDA
using System.Runtime.Loader;
using Lur.Cuda.Loading;
#endif

namespace Lur.Device;

/// <summary>What a binding needs before its first call.</summary>
internal static class BindingSetup
{
#if MANAGEDCUDA
    private static readonly Lazy<bool> Installed = new(Install);

    /// <summary>
    /// ManagedCuda asks for unversioned names (libcuda, nvrtc, cublas) that machines without a toolkit do not have, and
    /// its own resolver takes the only slot of its assembly; the load context's event comes after it.
    /// </summary>
    internal static void Ensure() => _ = Installed.Value;

    private static bool Install()
    {
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
            name switch
            {
                "libcuda" or "nvcuda" or "cuda" => NativeLibraries.Get(NativeLibraries.Driver).Handle,
                _ when name.Contains("nvrtc", StringComparison.Ordinal) => NativeLibraries.Get(NativeLibraries.Compiler).Handle,
                _ when name.Contains("cublas", StringComparison.Ordinal) => NativeLibraries.Get(NativeLibraries.Blas).Handle,
                _ => IntPtr.Zero,
            };
        return true;
    }
#else
    /// <summary>Lur.Cuda installs its resolver itself.</summary>
    internal static void Ensure() { }
#endif
}
