using Lur.Data;

namespace Lur.Bench.Gpu;

/// <summary>The images that a bundle carries: 1,600 to train with and 400 to test with, as many of each class, in CIFAR-10's binary form
/// (a label byte, then 3 x 32 x 32 pixels).</summary>
internal static class PackedImages
{
    private const int Train = 1600,
        Test = 400;

    /// <summary>Writes data_batch_1.bin, test_batch.bin and batches.meta.txt.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="cifar">A CIFAR-10 folder, of which the first images of each class are taken; null for generated ones.</param>
    /// <exception cref="UserErrorException">The folder does not hold ten classes of 32 x 32 images, or too few.</exception>
    public static int Write(string folder, string? cifar)
    {
        using var source = DataSource.Open(cifar ?? FormattableString.Invariant($"synthetic:train={Train},test={Test}"));
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, "batches.meta.txt"), string.Join('\n', source.Train.ClassNames) + "\n");
        Write(Path.Combine(folder, "data_batch_1.bin"), source.Train, Train);
        Write(Path.Combine(folder, "test_batch.bin"), source.Test, Test);
        Console.WriteLine($"wrote {Train} and {Test} images of {source.Train.Name} to {folder}");
        return 0;
    }

    private static void Write(string path, IImageDataset data, int count)
    {
        var classes = data.ClassNames.Count;
        if (classes != 10 || (data.Channels, data.Height, data.Width) != (3, 32, 32))
            throw new UserErrorException($"{data.Name} does not have ten classes of 32 x 32 images in colour; name a folder of CIFAR-10.");
        var left = Enumerable.Repeat(count / classes, classes).ToArray();
        var image = new byte[data.SampleBytes];
        using var content = new MemoryStream();
        for (var i = 0; i < data.Count; i++)
        {
            if (left[data.Label(i)]-- <= 0)
                continue;
            data.CopyImage(i, image);
            content.WriteByte((byte)data.Label(i));
            content.Write(image);
        }

        if (left.Any(n => n > 0))
            throw new UserErrorException($"{data.Name} has fewer than {count / classes} images of a class; {count} are packed.");
        AtomicFile.Write(path, stream => content.WriteTo(stream));
    }
}
