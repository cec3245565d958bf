namespace Lur.Runs;

/// <summary>A file or folder that still holds what a request had forgotten.</summary>
/// <param name="Path">Where it lies, links resolved.</param>
/// <param name="What">What it is.</param>
public sealed record PurgeItem(string Path, string What);

/// <summary>What would be deleted after a request, and what cannot be reached. Data and the unlearned model are never among it.</summary>
/// <param name="Folder">Folder of the request's run.</param>
/// <param name="Items">What can be deleted.</param>
/// <param name="OutOfReach">What cannot, a sentence each.</param>
/// <param name="Purged">Models of the chain that an earlier purge deleted.</param>
public sealed record PurgePlan(
    string Folder,
    IReadOnlyList<PurgeItem> Items,
    IReadOnlyList<string> OutOfReach,
    IReadOnlyList<PurgeItem> Purged
);
