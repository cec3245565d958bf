using Lur.Device;
using Lur.Models;

namespace Lur.Tasks.Classification;

/// <summary>A batch of images that is normalised and, in training, cropped and mirrored at random on the device
/// (<c>kernels/inputs/augment.cu</c>).</summary>
public sealed class ClassificationBatch : BatchStage
{
    private readonly BatchImages _images;

    /// <summary>Declares the buffers and emits upload and augmentation.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random stream.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="model">Gives image size, normalisation, and what augmentation is.</param>
    /// <param name="augment">False for images as they are: evaluation.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="fed">False where no feed will fill it: one batch on the device in place of two.</param>
    /// <param name="grain">Largest deviation of Gaussian noise that training images are given, where they lie in [-1, 1]; 0 for
    /// none.</param>
    public ClassificationBatch(
        Program program,
        string name,
        int batch,
        Model model,
        bool augment,
        ulong seed,
        bool fed = true,
        double grain = 0
    )
        : base(program, name, batch, model, seed, fed) => _images = EmitImages(name, model, augment, augment ? grain : 0);

    /// <summary>Mean per channel on the device, of pixels in [0, 1].</summary>
    public Operand<Real> Mean => _images.Mean;

    /// <summary>Standard deviation per channel on the device.</summary>
    public Operand<Real> Std => _images.Std;

    /// <inheritdoc/>
    public override Value Input => _images.Images;
}
