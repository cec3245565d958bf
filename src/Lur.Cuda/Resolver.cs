using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lur.Cuda.Loading;

namespace Lur.Cuda;

/// <summary>Answers the loads of this assembly's imports with the libraries that <see cref="NativeLibraries"/> chose.</summary>
internal static class Resolver
{
#pragma warning disable CA2255 // a resolver must be in place before the first import, whoever makes it
    [ModuleInitializer]
    internal static void Install() =>
        NativeLibrary.SetDllImportResolver(
            typeof(Resolver).Assembly,
            (name, _, _) => NativeLibraries.IsKnown(name) ? NativeLibraries.Get(name).Handle : IntPtr.Zero
        );
#pragma warning restore CA2255
}
