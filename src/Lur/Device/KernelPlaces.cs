namespace Lur.Device;

/// <summary>Where a device's kernels come from: sources and images beside the program, the user's cache, the compiler. What is not
/// said is left to the environment.</summary>
public sealed record KernelPlaces
{
    /// <summary>What the environment says, and the program's own folder.</summary>
    public static KernelPlaces Default { get; } = new();

    /// <summary>Folder that holds <c>kernels</c> and <c>kernel-images</c>; null for LUR_KERNELS and LUR_KERNEL_IMAGES, else the
    /// program's own.</summary>
    public string? Folder { get; init; }

    /// <summary>Folder of the cache; null for LUR_CACHE, else the user's.</summary>
    public string? Cache { get; init; }

    /// <summary>False to keep no compiled kernel.</summary>
    public bool UsesCache { get; init; } = true;

    /// <summary>False to read no variable of the environment; a cache is then used only where <see cref="Cache"/> names one.</summary>
    public bool UsesEnvironment { get; init; } = true;

    /// <summary>False to refuse a kernel that would have to be compiled.</summary>
    public bool MayCompile { get; init; } = true;

    /// <summary>Told of a folder of images that is passed over because others may write to it; null for
    /// <see cref="KernelImages.Distrusted"/>.</summary>
    public Action<string>? Distrusted { get; init; }

    /// <summary>The folder of the .cu files.</summary>
    internal string Sources =>
        Folder is not null ? Path.Combine(Folder, "kernels") : Variable("LUR_KERNELS") ?? Path.Combine(AppContext.BaseDirectory, "kernels");

    /// <summary>Images that come with the program, read only.</summary>
    internal string Shipped =>
        Folder is not null ? OwnImages(Folder) : Variable("LUR_KERNEL_IMAGES") ?? OwnImages(AppContext.BaseDirectory);

    /// <summary>The cache, or null for none.</summary>
    internal string? CacheFolder
    {
        get
        {
            if (!UsesCache)
                return null;
            if (Cache is not null)
                return Cache;
            if (!UsesEnvironment)
                return null;
            return Variable("LUR_CACHE") switch
            {
                "off" => null,
                { } own => own,
                null => UserCache.Folder("kernels"),
            };
        }
    }

    /// <summary>True if the shipped images are the program's own, which are trusted as the program is.</summary>
    internal bool ShipsItsOwn => Shipped == OwnImages(AppContext.BaseDirectory);

    private static string OwnImages(string folder) => Path.Combine(folder, "kernel-images");

    private string? Variable(string name) =>
        UsesEnvironment && Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
