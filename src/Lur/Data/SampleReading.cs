namespace Lur.Data;

/// <summary>Reads samples on all cores.</summary>
internal static class SampleReading
{
    /// <summary>Calls back with the pixels of each sample, from several threads.</summary>
    /// <param name="data">The set.</param>
    /// <param name="indices">Which of its samples.</param>
    /// <param name="read">Receives the place in <paramref name="indices"/> and the pixels, which are valid during the call.</param>
    /// <param name="cancel">Stops between samples.</param>
    /// <exception cref="UserErrorException">A sample cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void ForEach(IImageDataset data, int[] indices, Action<int, byte[]> read, CancellationToken cancel)
    {
        try
        {
            Parallel.For(
                0,
                indices.Length,
                new ParallelOptions { CancellationToken = cancel },
                () => new byte[data.SampleBytes],
                (i, _, pixels) =>
                {
                    data.CopyImage(indices[i], pixels);
                    read(i, pixels);
                    return pixels;
                },
                _ => { }
            );
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<UserErrorException>().FirstOrDefault() is { } damaged)
        {
            throw new UserErrorException(damaged.Message, damaged);
        }
    }
}
