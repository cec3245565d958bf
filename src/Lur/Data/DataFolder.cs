namespace Lur.Data;

/// <summary>Finds what data set a folder holds: binary files in it or below it, or folders of images.</summary>
internal static class DataFolder
{
    // MNIST/raw, cifar-100-binary/..., data/MNIST/raw.
    private const int Deepest = 3,
        MostFolders = 16;

    /// <summary>Opens the data set in a folder.</summary>
    public static DataSource Open(string folder, DataOptions options)
    {
        if (BinarySets.TryOpen(FileNames.Of(folder), options) is { } here)
            return here;
        if (CaptionedFolder.IsIn(folder))
            return CaptionedFolder.Open(folder, options);
        var below = BinaryBelow(folder, Deepest);
        if (below.Count > 1)
            throw new UserErrorException($"'{folder}' holds several data sets: {PictureList.Some(below)}; give the path of one of them.");
        if (below.Count == 1)
            return BinarySets.TryOpen(FileNames.Of(below[0]), options)!;
        var top = ImageParts.Unwrap(folder);
        if (!FolderTree.Visible(top).Any())
            throw new UserErrorException(
                $"'{folder}' holds no data set: expected data_batch_*.bin and test_batch.bin (CIFAR-10), train.bin and test.bin "
                    + $"(CIFAR-100), "
                    + "train-images-idx3-ubyte[.gz] and its companions (IDX), or one sub-folder of PNG or JPEG files for each class."
            );
        return new ImageParts(top, options).Open();
    }

    // Where an archive was unpacked, and torchvision's MNIST/raw beside MNIST/processed. Links are not followed here, and folders of
    // many, such as classes, are not searched.
    private static List<string> BinaryBelow(string folder, int depth)
    {
        var found = new List<string>();
        string[] folders = [.. FolderTree.Visible(folder).Where(f => !FolderTree.IsLink(f)).Order(StringComparer.Ordinal)];
        if (folders.Length > MostFolders)
            return found;
        foreach (var inner in folders)
        {
            var files = FileNames.Of(inner);
            if (BinarySets.IsIn(files))
                found.Add(inner);
            else if (depth > 1 && !files.All.Any(PictureName.IsRead))
                found.AddRange(BinaryBelow(inner, depth - 1));
        }
        return found;
    }
}
