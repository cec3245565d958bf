using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Classifiers that judge drawn images: given, or trained on the same data and kept.</summary>
internal static class JudgeModels
{
    // Up to this many pixels a side two stages are enough to see the whole image.
    private const int SmallSide = 16;

    /// <summary>Gives the path of a judge.</summary>
    /// <param name="settings">Which one, and how it is trained.</param>
    /// <param name="folder">Where judges are kept, and found again.</param>
    /// <param name="data">Location of the data.</param>
    /// <param name="source">The data set.</param>
    /// <param name="split">Split of the original: the judge learns from what that was trained on, the forget set included.</param>
    /// <param name="host">Whom it tells.</param>
    /// <param name="cancel">Stops with a checkpoint, from which the next call goes on.</param>
    /// <exception cref="UserErrorException">There is no such file, and it is no architecture either.</exception>
    public static string Get(
        GenerationSettings settings,
        string folder,
        string data,
        DataSource source,
        DataSplit split,
        RunHost host,
        CancellationToken cancel
    )
    {
        if (settings.Judge is { } given && (File.Exists(given) || given.EndsWith(".safetensors", StringComparison.Ordinal)))
            return given;
        var train = source.Train;
        var size = new ImageSize(train.Height, train.Width, train.Channels);
        var text = settings.Judge ?? (Math.Min(train.Height, train.Width) <= SmallSide ? "resnet[1,1]:w16" : "resnet20:w16");
        var architecture = ModelFamilies.Parse(text, size, train.ClassNames.Count).Text;
        var training = settings.JudgeTraining;
        if (training.Augment == Augmentation.Auto)
            training = training with { Augment = DataAndModel.AugmentationOf(source) };
        var key = new ReferenceKey(
            ReferenceModels.DataKey(split, source),
            DataSplit.HashOf(split.Train),
            architecture,
            training,
            ProgramHash.Current(host.Device.Kernels)
        )
        {
            What = "judge",
        };
        return new ReferenceCache(folder, host.Producer).GetOrTrain(key, Train, host.Progress.Note);

        void Train(string work)
        {
            host.Progress.Note($"training a judge, {architecture}");
            var run = new TrainSettings
            {
                Data = data,
                Model = architecture,
                Output = work,
                Training = training,
                DataOptions = new DataOptions { ModelSize = (train.Height, train.Width), Spell = host.Spell },
                Split = split,
                Classes = train.ClassNames,
                Resume = TrainRun.CanResume(work),
                Overwrite = true,
            };
            new TrainRun(run, host).Run(cancel);
        }
    }
}
