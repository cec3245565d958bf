using Lur.Data;
using Lur.Tensors;

namespace Lur.Verification.Generation;

/// <summary>A data set with Gaussian noise on its images: each has a deviation of its own, uniform from 0 to the largest, as training
/// with <see cref="Training.TrainingOptions.AugmentNoise"/> has it. An image is a function of its number.</summary>
/// <param name="data">The images; stay the caller's.</param>
/// <param name="largest">Largest deviation, of images in [-1, 1].</param>
internal sealed class NoisyImages(IImageDataset data, double largest) : IImageDataset
{
    public string Name => $"{data.Name} with noise";

    public int Count => data.Count;

    public int Channels => data.Channels;

    public int Height => data.Height;

    public int Width => data.Width;

    public IReadOnlyList<string> ClassNames => data.ClassNames;

    public int Label(int index) => data.Label(index);

    public void CopyImage(int index, Span<byte> chw)
    {
        data.CopyImage(index, chw);
        var random = new RandomStream(0, "judge/noise", index);
        // A step of [-1, 1] is 127.5 of a byte. The word of the deviation and the next one are no part of a normal.
        var deviation = 127.5 * largest * random.Uniform();
        random.Position = 2;
        for (var i = 0; i < chw.Length; i++)
            chw[i] = (byte)Math.Clamp(Math.Round(chw[i] + (deviation * random.Normal())), 0, 255);
    }

    public void Dispose() { }
}
