using System.Collections.Concurrent;
using System.Globalization;
using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>
/// Compiled kernels: those shipped beside the program, then the user's cache, then the compiler. A damaged image is
/// deleted and made anew; a cache that cannot be written costs time, never a run.
/// </summary>
public static class KernelImages
{
    private const long CacheCapBytes = 256L << 20;

    /// <summary>Compiles every kernel file for several devices into a folder; <see cref="KernelPlaces.Shipped"/> is where programs
    /// look.</summary>
    /// <param name="directory">Where to write; files of the same target are replaced.</param>
    /// <param name="computeCapabilities">The devices.</param>
    /// <param name="precisions">Element types.</param>
    /// <param name="compiler">A particular NVRTC; the one that serves this process when null.</param>
    /// <param name="part">Which share of the files, from 1, and of how many: NVRTC compiles one at a time in a process, and several
    /// processes share the work. All of them by default.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="KernelCompilationException">A file does not compile.</exception>
    public static IReadOnlyList<string> Precompile(
        string directory,
        IEnumerable<Version> computeCapabilities,
        IEnumerable<Precision> precisions,
        NvrtcLibrary? compiler = null,
        (int Index, int Count)? part = null
    )
    {
        ArgumentNullException.ThrowIfNull(directory);
        BindingSetup.Ensure();
        IKernelCompiler maker = compiler is null ? ServingCompiler.Instance : new ForeignCompiler(compiler);
        var (index, count) = part ?? (1, 1);
        var jobs =
            from file in KernelCatalog.Files.Where((_, i) => i % count == index - 1)
            from precision in precisions.Distinct().ToArray()
            from target in computeCapabilities.Distinct().ToArray()
            where file.RunsOn(target)
            select KernelSource.Read(file.Path, precision).For(target);
        // NVRTC serialises compilations within a process; a host compiler is a process of its own and does not.
        var written = new ConcurrentBag<string>();
        try
        {
            Parallel.ForEach(
                jobs,
                request =>
                {
                    var architecture = request.Architecture(maker);
                    var path = Path.Combine(directory, ShippedName(request, architecture));
                    ImageFile.Write(path, request.Source.Compile(maker, architecture), maker.Identity);
                    written.Add(path);
                }
            );
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<KernelCompilationException>().FirstOrDefault() is { } first)
        {
            throw new KernelCompilationException(first.Message);
        }
        return [.. written.Order(StringComparer.Ordinal)];
    }

    /// <summary>Compiles one kernel file and keeps nothing: a check for a device that is not here.</summary>
    /// <param name="compiler">The compiler.</param>
    /// <param name="file">Path below the kernels folder.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="computeCapability">The device.</param>
    /// <returns>The image.</returns>
    /// <exception cref="KernelCompilationException">It does not compile; the message holds the log.</exception>
    public static byte[] Compile(NvrtcLibrary compiler, string file, Precision precision, Version computeCapability)
    {
        ArgumentNullException.ThrowIfNull(compiler);
        var request = KernelSource.Read(file, precision).For(computeCapability);
        var maker = new ForeignCompiler(compiler);
        return request.Source.Compile(maker, request.Architecture(maker));
    }

    internal static (byte[] Image, ImageOrigin Origin) Get(KernelRequest request)
    {
        var compiler = ServingCompiler.TryGet();
        if (FindShipped(request, compiler) is { } shipped)
            return (shipped, ImageOrigin.Shipped);
        if (compiler is not null && CachePath(request, compiler) is { } path && File.Exists(path) && IsOwn(request.Source.Places, path))
        {
            if (ImageFile.Read(path) is { } entry)
                return (entry.Image, ImageOrigin.Cached);
            TryDelete(path);
        }
        return Build(request);
    }

    /// <summary>Drops the cached image of a request and compiles it.</summary>
    internal static (byte[] Image, ImageOrigin Origin) Rebuild(KernelRequest request)
    {
        if (CachePath(request, ServingCompiler.Instance) is { } path)
            TryDelete(path);
        return Build(request);
    }

    /// <summary>Where a request is cached; null when the cache is off.</summary>
    internal static string? CachePath(KernelRequest request, IKernelCompiler compiler)
    {
        if (request.Source.Places.Cache is not { } directory)
            return null;
        var key = request.Source.Key(request.Architecture(compiler), compiler.Identity);
        return Path.Combine(directory, key[..2], key + ".image");
    }

    internal static string Identify(Version version, string path)
    {
        var file = new FileInfo(path);
        return string.Create(CultureInfo.InvariantCulture, $"{file.Name} {version} ({(file.Exists ? file.Length : 0)} bytes)");
    }

    private static (byte[] Image, ImageOrigin Origin) Build(KernelRequest request)
    {
        var places = request.Source.Places;
        if (!places.MayCompile)
        {
            throw new KernelCompilationException(
                $"kernels/{request.Source.File} would have to be compiled, which is forbidden here: no image of it for this device is in "
                    + $"'{places.Shipped}' nor in the cache ({places.Cache ?? "off"}); 'lur kernels --precompile' makes them ahead."
            );
        }

        var compiler = ServingCompiler.Instance;
        var image = request.Source.Compile(compiler, request.Architecture(compiler));
        if (CachePath(request, compiler) is { } path && IsOwn(places, path))
        {
            try
            {
                if (places.MayClean())
                    ImageFile.RemoveLeftovers(places.Cache!);
                ImageFile.Write(path, image, compiler.Identity, isPrivate: true);
                Trim(places.Cache!);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Read-only homes and full disks: the image is in memory, which is what was asked for.
            }
        }
        return (image, ImageOrigin.Compiled);
    }

    // Without a compiler any image of this very source is right. With one, an image made by another compiler is passed
    // over: after an update of the compiler the new one's code is wanted, and stale images must not hide a change.
    private static byte[]? FindShipped(KernelRequest request, ServingCompiler? compiler)
    {
        var (places, folder) = (request.Source.Places, request.Source.Places.Shipped);
        if (!Directory.Exists(folder))
            return null;
        foreach (var architecture in request.Runnable())
        {
            var path = Path.Combine(folder, ShippedName(request, architecture));
            if (
                File.Exists(path)
                && IsShipped(places, path)
                && ImageFile.Read(path) is { } entry
                && (compiler is null || entry.Compiler == compiler.Identity)
            )
                return entry.Image;
        }
        return null;
    }

    /// <summary>File name of a shipped image: readable, and its key without the compiler.</summary>
    internal static string ShippedName(KernelRequest request, string architecture) =>
        $"{request.Source.Stem(architecture)}-{request.Source.Key(architecture, "")[..16]}.image";

    /// <summary>True if nobody but this user can have written an entry of the cache: file, folder of entries and cache.</summary>
    private static bool IsOwn(KernelPlaces places, string path) => IsTrusted(FileTrust.WhyNot(path, folders: 2), places, places.Cache!);

    /// <summary>True if an image comes with the program, or nobody else can have put it in its place.</summary>
    private static bool IsShipped(KernelPlaces places, string path) =>
        places.ShippedAreOwn || IsTrusted(FileTrust.WhyNotOfGroup(path) ?? FileTrust.WhyNotOfGroup(places.Shipped), places, places.Shipped);

    private static bool IsTrusted(string? why, KernelPlaces places, string root)
    {
        if (why is not null)
            places.Distrust(root, why);
        return why is null;
    }

    // Oldest first until the cap is kept. Other processes may delete at the same time, which is as good.
    private static void Trim(string directory)
    {
        var files = new DirectoryInfo(directory).GetFiles("*.image", SearchOption.AllDirectories);
        var total = files.Sum(f => f.Length);
        foreach (var file in files.OrderBy(f => f.LastWriteTimeUtc).TakeWhile(_ => total > CacheCapBytes))
        {
            total -= file.Length;
            TryDelete(file.FullName);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A read-only cache keeps its damaged entry; it is passed over each time.
        }
    }
}
