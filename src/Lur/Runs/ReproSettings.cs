using Lur.Verification;

namespace Lur.Runs;

/// <summary>What decides a reproduction.</summary>
public sealed record ReproSettings
{
    /// <summary>The experiment; <see cref="Recipe.Read"/> gives one of a file or a name.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Folder for everything the runs leave behind.</summary>
    public required string Output { get; init; }

    /// <summary>Where the data are; null for where the recipe says.</summary>
    public string? Data { get; init; }

    /// <summary>Seeds in place of the recipe's; empty for the recipe's.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [];

    /// <summary>Labels of the runs to make; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Where Retrain models are kept; <c>lur verify</c> finds them there.</summary>
    public string CacheFolder { get; init; } = ReferenceCache.DefaultFolder;
}
