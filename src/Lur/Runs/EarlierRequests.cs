using Lur.Data;
using Lur.Models;

namespace Lur.Runs;

/// <summary>What a model has forgotten before: its file has the hash of the list, and the list lies beside it.</summary>
internal static class EarlierRequests
{
    /// <summary>The split the model was trained with.</summary>
    /// <param name="history">What its file says.</param>
    /// <param name="model">Path of the model.</param>
    /// <param name="given">Path of the split; null for the one beside the model.</param>
    /// <param name="data">Training data.</param>
    /// <param name="host">How options are named, and who is told that there is no split.</param>
    /// <exception cref="UserErrorException">It cannot be found, or is another one: something that validated the model would be trained
    /// on.</exception>
    public static DataSplit Split(ModelHistory history, string model, string? given, IImageDataset data, RunHost host)
    {
        var path = DataAndModel.SplitPath(model, given);
        if (path is null && history.ValidationSha256 is { } part && part != ModelHistory.NoValidation)
        {
            throw new UserErrorException(
                $"'{model}' was trained with a validation part, and the {OutputFolder.SplitName} that lists it is not beside "
                    + $"the model; give "
                    + $"it with {host.Spell("split")}."
            );
        }

        if (path is null)
        {
            if (history.ValidationSha256 is null)
            {
                host.Progress.Note(
                    $"no {OutputFolder.SplitName} beside the model: every training image counts as trained on (give "
                        + $"{host.Spell("split")} otherwise)"
                );
            }

            return DataSplit.Create(data, 0, 1);
        }

        var split = DataSplit.Load(path, data);
        return history.ValidationSha256 is null || history.ValidationSha256 == HashOf(split)
            ? split
            : throw new UserErrorException(
                $"'{path}' is not the split that '{model}' was trained with; give that one with {host.Spell("split")}."
            );
    }

    /// <summary>The samples that earlier requests made a model forget, or that it was trained without; none where its file names
    /// none.</summary>
    /// <param name="history">What its file says.</param>
    /// <param name="model">Path of the model.</param>
    /// <param name="given">Files that list them; empty for the one beside the model.</param>
    /// <param name="source">Data set.</param>
    /// <param name="split">Split the model was trained with.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">The lists cannot be found, or are not what the model has forgotten.</exception>
    public static int[] Of(
        ModelHistory history,
        string model,
        IReadOnlyList<string> given,
        DataSource source,
        DataSplit split,
        Func<string, string> spell
    )
    {
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(model)) ?? ".", OutputFolder.ForgetName);
        if (history.ForgottenSha256 is not { } expected)
            return given.Count == 0 ? [] : ForgetSet.Resolve(given, source, split.Train, 1).Forget;
        if (history.DataSha256 is { } known && known != split.Fingerprint)
        {
            throw new UserErrorException(
                $"'{model}' has forgotten samples of other data than {source.Train.Name}; give the data it was trained on, so "
                    + $"that it is known "
                    + $"which must not come back."
            );
        }

        if (given.Count == 0 && !File.Exists(beside))
        {
            throw new UserErrorException(
                $"'{model}' has forgotten samples on earlier requests, and the {OutputFolder.ForgetName} that lists them is not beside the "
                    + $"model; give the list with {spell("forgotten")}, so that they are not retained."
            );
        }

        var samples = ForgetSet.Resolve(given.Count > 0 ? given : [beside], source, split.Train, 1).Forget;
        return DataSplit.HashOf(samples) == expected
            ? samples
            : throw new UserErrorException(
                $"{(given.Count > 0 ? $"What {spell("forgotten")} gives" : $"'{beside}'")} is not the list of what '{model}' has forgotten "
                    + $"on earlier requests ({samples.Length} samples); give every one of its lists with {spell("forgotten")}."
            );
    }

    /// <summary>What the file of a model says from now on.</summary>
    /// <param name="split">Split it was trained with.</param>
    /// <param name="set">What it has forgotten, or was trained without; null for nothing.</param>
    public static ModelHistory History(DataSplit split, ForgetSet? set) =>
        new()
        {
            DataSha256 = split.Fingerprint,
            ValidationSha256 = HashOf(split),
            ForgottenSha256 = set is null ? null : DataSplit.HashOf(set.Forgotten),
        };

    private static string HashOf(DataSplit split) =>
        split.Validation.Length == 0 ? ModelHistory.NoValidation : DataSplit.HashOf(split.Validation);
}
