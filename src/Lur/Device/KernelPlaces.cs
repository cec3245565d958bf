using System.Collections.Concurrent;
using System.Reflection;
using System.Text;

namespace Lur.Device;

/// <summary>Where kernels come from: their text, the images that are shipped with a program, and the cache of what was compiled. What a
/// program sets goes before the environment, which is asked anew each time and only for what the program left open.</summary>
public sealed class KernelPlaces
{
    private const string Embedded = "kernels/";
    private static readonly Assembly s_library = typeof(KernelPlaces).Assembly;
    private readonly ConcurrentDictionary<string, bool> _warned = new(StringComparer.Ordinal);
    private int _cleaned;

    /// <summary>Those of whoever sets nothing.</summary>
    public static KernelPlaces Default { get; } = new();

    /// <summary>Folder of the .cu files; null for LUR_KERNELS, else for <c>kernels</c> beside the program, else for the texts within
    /// this library.</summary>
    public string? KernelFolder { get; init; }

    /// <summary>Folder below which compiled kernels are kept; null for the user's, see <see cref="Cache"/>.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Folder of compiled kernels that come with the program; null for LUR_KERNEL_IMAGES, else for <c>kernel-images</c> beside
    /// it.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>True to keep no compiled kernel, whatever else is said.</summary>
    public bool KeepsNone { get; init; }

    /// <summary>False to refuse a kernel that would have to be compiled.</summary>
    public bool MayCompile { get; init; } = true;

    /// <summary>True where no variable of the environment decides anything: what is not set here is then what came with the program, and
    /// nothing is kept without a <see cref="CacheFolder"/>.</summary>
    public bool IgnoreEnvironment { get; init; }

    /// <summary>Told once of every cache or folder of images that somebody else may write to, which is passed over: what lies there
    /// would be executed.</summary>
    public event Action<string>? Distrusted;

    /// <summary>The folder of the .cu files; null where they are read out of this library.</summary>
    public string? Sources
    {
        get
        {
            if ((KernelFolder ?? Variable("LUR_KERNELS")) is { } folder)
                return folder;
            var beside = Path.Combine(AppContext.BaseDirectory, "kernels");
            return Directory.Exists(beside) ? beside : null;
        }
    }

    /// <summary>Images shipped with the program, read only: LUR_KERNEL_IMAGES, or <c>kernel-images</c> beside it.</summary>
    public string Shipped => ImageFolder ?? Variable("LUR_KERNEL_IMAGES") ?? OwnImages;

    /// <summary>The cache, null when there is none: <see cref="CacheFolder"/>; else LUR_CACHE, where <c>off</c> switches it off; else
    /// lur/kernels below XDG_CACHE_HOME (~/.cache).</summary>
    public string? Cache =>
        KeepsNone
            ? null
            : CacheFolder
                ?? Variable("LUR_CACHE") switch
                {
                    "off" => null,
                    { } own => own,
                    null => IgnoreEnvironment ? null : UserCache.Folder("kernels"),
                };

    /// <summary>True if the shipped images are those that came with the program.</summary>
    internal bool ShippedAreOwn => Shipped == OwnImages;

    private static string OwnImages => Path.Combine(AppContext.BaseDirectory, "kernel-images");

    /// <summary>The value of a variable; null where it is not set or empty, or not to be asked.</summary>
    internal string? Variable(string name) =>
        !IgnoreEnvironment && Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>Names of the texts, with forward slashes, in ordinal order; none where the folder is not there.</summary>
    /// <param name="folder">Folder below that of the kernels; empty for all.</param>
    /// <param name="ending">How they end.</param>
    internal string[] Names(string folder, string ending)
    {
        IEnumerable<string> names;
        if (Sources is not { } root)
        {
            names = s_library
                .GetManifestResourceNames()
                .Where(n => n.StartsWith(Embedded, StringComparison.Ordinal))
                .Select(n => n[Embedded.Length..])
                .Where(n => n.StartsWith(folder, StringComparison.Ordinal));
        }
        else
        {
            var from = Path.Combine(root, folder);
            names = Directory.Exists(from)
                ? Directory
                    .EnumerateFiles(from, "*", SearchOption.AllDirectories)
                    .Select(f => Path.GetRelativePath(root, f).Replace('\\', '/'))
                : [];
        }

        return [.. names.Where(n => Path.GetExtension(n).StartsWith(ending, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>True if a text is there.</summary>
    internal bool Has(string name) =>
        Sources is { } root ? File.Exists(Path.Combine(root, name)) : s_library.GetManifestResourceInfo(Embedded + name) is not null;

    /// <summary>A text, as bytes.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    internal byte[] Bytes(string name)
    {
        if (!Has(name))
        {
            var path = Sources is { } folder ? Path.Combine(folder, name) : $"{Embedded}{name} of {s_library.GetName().Name}.dll";
            throw new FileNotFoundException(
                $"The kernel source {path} is missing: the kernels folder belongs beside the program; reinstall, or set LUR_KERNELS to it.",
                path
            );
        }

        if (Sources is { } root)
            return File.ReadAllBytes(Path.Combine(root, name));
        using var stream = s_library.GetManifestResourceStream(Embedded + name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>A text.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    internal string Text(string name)
    {
        using var reader = new StreamReader(new MemoryStream(Bytes(name)), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>True the first time it is asked.</summary>
    internal bool MayClean() => Interlocked.Exchange(ref _cleaned, 1) == 0;

    /// <summary>Says that a folder is passed over, once for each.</summary>
    internal void Distrust(string folder, string why)
    {
        if (!_warned.TryAdd(folder, true))
            return;
        Distrusted?.Invoke(
            $"compiled kernels in '{folder}' are neither loaded nor kept, because {why}; make it yours alone (chmod go-w), delete it, or "
                + "name another folder (LUR_CACHE, LUR_KERNEL_IMAGES)."
        );
    }
}
