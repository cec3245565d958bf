using Lur.Data;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>A data set that a function of the caller gives.</summary>
internal sealed unsafe class ProvidedImages
{
    // Images asked for at a time.
    private const int Most = 256;
    private readonly NativeSession _session;
    private readonly Provider _provider;
    private readonly string[] _classes;

    /// <summary>Takes down what the front has checked.</summary>
    public ProvidedImages(NativeSession session, in Provider provider) =>
        (_session, _provider, _classes, Name) = (
            session,
            provider,
            Utf8.ReadAll(provider.Classes, provider.ClassCount),
            Utf8.Read(provider.Name)!
        );

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Asks for every sample once, on the calling thread.</summary>
    /// <exception cref="OperationCanceledException">The function asked to stop.</exception>
    public ImageMemory Read()
    {
        var (pixels, labels) = Part(0, _provider.TrainCount);
        var (testPixels, testLabels) = Part(1, _provider.TestCount);
        return new ImageMemory
        {
            Channels = _provider.Channels,
            Height = _provider.Rows,
            Width = _provider.Columns,
            ClassNames = _classes,
            Pixels = pixels,
            Labels = labels,
            TestPixels = testPixels,
            TestLabels = testLabels,
        };
    }

    private int SampleSize => _provider.Channels * _provider.Rows * _provider.Columns;

    private (byte[] Pixels, int[] Labels) Part(int part, long count)
    {
        if (count * SampleSize > Array.MaxLength)
            throw new CodedException(
                Code.Unsupported,
                $"{count} images of {SampleSize} bytes are more than the {Array.MaxLength} bytes that a provider can give; use a folder."
            );
        var (pixels, labels) = (new byte[count * SampleSize], new int[count]);
        for (var first = 0; first < count; first += Most)
        {
            var n = (int)Math.Min(Most, count - first);
            Ask(part, first, pixels.AsSpan(first * SampleSize, n * SampleSize), labels.AsSpan(first, n));
        }

        return (pixels, labels);
    }

    private void Ask(int part, int first, Span<byte> pixels, Span<int> labels)
    {
        var indices = stackalloc long[Most];
        for (var i = 0; i < labels.Length; i++)
            indices[i] = first + i;
        var request = new BatchRequest
        {
            Size = (uint)sizeof(BatchRequest),
            Part = part,
            Count = labels.Length,
            Indices = indices,
        };
        var batch = new Batch { Size = (uint)sizeof(Batch), Dtype = U8 };
        ++*_session.Callbacks;
        var stop = _provider.Next(_provider.User, &request, &batch);
        --*_session.Callbacks;
        if (stop != 0)
            throw new OperationCanceledException();
        if (batch.Images == 0 || batch.Labels is null)
            throw new UserErrorException($"The provider of '{Name}' gave no images or no labels for sample {first}.");
        if (batch.Dtype is not (U8 or F32) || batch.Place is not (0 or 1) || batch.Layout is not (0 or 1))
            throw new UserErrorException(
                $"The provider of '{Name}' gave dtype {batch.Dtype}, place {batch.Place} and layout {batch.Layout}; expected LUR_U8 or "
                    + "LUR_F32, LUR_PLACE_* and LUR_LAYOUT_*."
            );
        Read((ulong)batch.Labels, "labels", labels);
        Take(batch, pixels);
    }

    private const int U8 = 5,
        F32 = 1;

    private void Take(in Batch batch, Span<byte> pixels)
    {
        var size = batch.Dtype == U8 ? 1 : sizeof(float);
        var given = new byte[pixels.Length * size];
        if (batch.Place == 0 || _session.IsHost)
            Read(batch.Images, "images", given);
        else
            _session.Device.Download(given.AsSpan(), new DevicePointer<byte>(batch.Images));
        var (channels, area) = (_provider.Channels, _provider.Rows * _provider.Columns);
        for (var i = 0; i < pixels.Length; i++)
        {
            // Element i is channel, then row and column of its image.
            var (image, within) = Math.DivRem(i, SampleSize);
            var (channel, pixel) = Math.DivRem(within, area);
            var at = batch.Layout == 0 ? i : (image * SampleSize) + (pixel * channels) + channel;
            pixels[i] = batch.Dtype == U8 ? given[at] : Byte(BitConverter.ToSingle(given, at * sizeof(float)));
        }
    }

    private void Read<T>(ulong address, string what, Span<T> target)
        where T : unmanaged
    {
        if (!CallerAddress.TryRead(address, target))
            throw new UserErrorException(
                $"The provider of '{Name}' gave {what} at 0x{address:x}, where {target.Length * sizeof(T)} bytes cannot be read; what it "
                    + "points to must stay until the next call."
            );
    }

    private byte Byte(float value) =>
        value is >= 0 and <= 1
            ? (byte)MathF.Round(value * 255)
            : throw new UserErrorException($"The provider of '{Name}' gave the pixel {value}; LUR_F32 is within 0 and 1.");
}
