"""Everything that is looked at, as one table: a new watcher is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable

from lamplighter.watch.data.borrowed import Borrowed
from lamplighter.watch.data.boxes import Boxes
from lamplighter.watch.data.classes_by_hand import ClassesByHand
from lamplighter.watch.data.comparisons import Comparisons
from lamplighter.watch.data.encoded_means import EncodedMeans
from lamplighter.watch.data.entrance import Entrance
from lamplighter.watch.data.evaluated_inputs import EvaluatedInputs
from lamplighter.watch.data.fed import Fed
from lamplighter.watch.data.feeds import Feeds
from lamplighter.watch.data.folds import Folds
from lamplighter.watch.data.graph_batches import GraphBatches
from lamplighter.watch.data.groups import Groups
from lamplighter.watch.data.held_out import HeldOut
from lamplighter.watch.data.held_out_steps import HeldOutSteps
from lamplighter.watch.data.loaders import Loaders
from lamplighter.watch.data.measured_again import MeasuredAgain
from lamplighter.watch.data.moved import Moved
from lamplighter.watch.data.name_codes import NameCodes
from lamplighter.watch.data.names_seen import NamesSeen
from lamplighter.watch.data.numbered import Numbered
from lamplighter.watch.data.pretrained import Pretrained
from lamplighter.watch.data.readings import Readings
from lamplighter.watch.data.resumed import Resumed
from lamplighter.watch.data.scaling import Scaling
from lamplighter.watch.data.shared_sets import SharedSets
from lamplighter.watch.data.shuffled_features import ShuffledFeatures
from lamplighter.watch.data.side_by_side import SideBySide
from lamplighter.watch.data.still_slices import StillSlices
from lamplighter.watch.data.tables_beside import TablesBeside
from lamplighter.watch.data.target_scales import TargetScales
from lamplighter.watch.data.targets import Targets
from lamplighter.watch.data.two_orders import TwoOrders
from lamplighter.watch.data.unsigned import Unsigned
from lamplighter.watch.data.vectors import Vectors
from lamplighter.watch.dropped import DroppedResults
from lamplighter.watch.events import Watcher
from lamplighter.watch.files.artifacts import Artifacts
from lamplighter.watch.files.built_otherwise import BuiltOtherwise
from lamplighter.watch.files.fresh import FreshNetworks
from lamplighter.watch.files.half_saved import HalfSaved
from lamplighter.watch.files.saving import Saving
from lamplighter.watch.files.self_copies import SelfCopies
from lamplighter.watch.files.silenced import Silenced
from lamplighter.watch.files.unsaved import Unsaved
from lamplighter.watch.loop.accumulation import Accumulation
from lamplighter.watch.loop.action_numbers import ActionNumbers
from lamplighter.watch.loop.bootstraps import Bootstraps
from lamplighter.watch.loop.finite import Finite, Rounding
from lamplighter.watch.loop.given_rates import GivenRates
from lamplighter.watch.loop.hand_steps import HandSteps
from lamplighter.watch.loop.idle import IdleOptimizers
from lamplighter.watch.loop.leftovers import Leftovers
from lamplighter.watch.loop.lengths import Lengths
from lamplighter.watch.loop.loss_scales import LossScales
from lamplighter.watch.loop.never_began import NeverBegan
from lamplighter.watch.loop.own_weights import OwnWeights
from lamplighter.watch.loop.plateaus import Plateaus
from lamplighter.watch.loop.policies import Policies
from lamplighter.watch.loop.rates import Rates
from lamplighter.watch.loop.renewed import RenewedOptimizers
from lamplighter.watch.loop.returns import Returns
from lamplighter.watch.loop.same_noise import SameNoise
from lamplighter.watch.loop.schedule_owners import ScheduleOwners
from lamplighter.watch.loop.schedules import Schedules
from lamplighter.watch.loop.seeding import Seeding
from lamplighter.watch.loop.shared_groups import SharedGroups
from lamplighter.watch.loop.starved import Starved
from lamplighter.watch.loop.steps import StepOrder
from lamplighter.watch.loop.wasted import Wasted
from lamplighter.watch.loss.alignments import Alignments
from lamplighter.watch.loss.arithmetic import Arithmetic
from lamplighter.watch.loss.class_weights import ClassWeights
from lamplighter.watch.loss.columns import Columns
from lamplighter.watch.loss.cosines import Cosines
from lamplighter.watch.loss.deviations import Deviations
from lamplighter.watch.loss.doubled import DoubledScores
from lamplighter.watch.loss.dropped_answers import DroppedAnswers
from lamplighter.watch.loss.dropped_sums import DroppedSums
from lamplighter.watch.loss.flattened import Flattened
from lamplighter.watch.loss.forgers import Forgers
from lamplighter.watch.loss.grown_errors import GrownErrors
from lamplighter.watch.loss.held_out_rows import HeldOutRows
from lamplighter.watch.loss.ignored import IgnoredClasses
from lamplighter.watch.loss.left_out import LeftOut
from lamplighter.watch.loss.losses import Losses
from lamplighter.watch.loss.masked_minima import MaskedMinima
from lamplighter.watch.loss.noise_levels import NoiseLevels
from lamplighter.watch.loss.overlaps import Overlaps
from lamplighter.watch.loss.own_forms import OwnForms
from lamplighter.watch.loss.own_losses import OwnLosses
from lamplighter.watch.loss.pairs_apart import PairsApart
from lamplighter.watch.loss.partners import Partners
from lamplighter.watch.loss.quantiles import Quantiles
from lamplighter.watch.loss.reach import Reach
from lamplighter.watch.loss.repeated import RepeatedTerms
from lamplighter.watch.loss.signed_targets import SignedTargets
from lamplighter.watch.loss.spreads import Spreads
from lamplighter.watch.loss.still_losses import StillLosses
from lamplighter.watch.loss.terms import Terms
from lamplighter.watch.loss.turned import TurnedScores
from lamplighter.watch.loss.weight_penalties import WeightPenalties
from lamplighter.watch.network.cutting import Cutting
from lamplighter.watch.network.evaluated import EvaluatedNorms
from lamplighter.watch.network.forgetful import ForgetfulNorms
from lamplighter.watch.network.freezing import Freezing
from lamplighter.watch.network.gaps import Gaps
from lamplighter.watch.network.handed_states import HandedStates
from lamplighter.watch.network.loose import LooseParameters
from lamplighter.watch.network.lost_states import LostStates
from lamplighter.watch.network.models import Models
from lamplighter.watch.network.modes import Modes
from lamplighter.watch.network.norms import FrozenNorms
from lamplighter.watch.network.one_ended import OneEnded
from lamplighter.watch.network.own_norms import OwnNorms
from lamplighter.watch.network.parts import Parts
from lamplighter.watch.network.probes import Probes
from lamplighter.watch.network.real_steps import RealSteps
from lamplighter.watch.network.replaced import Replaced
from lamplighter.watch.network.replicas import Replicas
from lamplighter.watch.network.steps_cut import StepsCut
from lamplighter.watch.network.strangers import Strangers
from lamplighter.watch.network.teachers import Teachers
from lamplighter.watch.network.twins import Twins
from lamplighter.watch.network.unchanged import UnchangedNetworks
from lamplighter.watch.network.unread_settings import UnreadSettings
from lamplighter.watch.network.weighing import Weighing
from lamplighter.watch.score.answered import Answered
from lamplighter.watch.score.batch_scores import BatchScores
from lamplighter.watch.score.choosing import Choosing
from lamplighter.watch.score.cycles import Cycles
from lamplighter.watch.score.divided_hits import DividedHits
from lamplighter.watch.score.early_returns import EarlyReturns
from lamplighter.watch.score.joined_answers import JoinedAnswers
from lamplighter.watch.score.keeping import Keeping
from lamplighter.watch.score.known_edges import KnownEdges
from lamplighter.watch.score.metrics import Metrics
from lamplighter.watch.score.perplexities import Perplexities
from lamplighter.watch.score.previous import PreviousFigures
from lamplighter.watch.score.score_arguments import ScoreArguments
from lamplighter.watch.score.shares import Shares
from lamplighter.watch.score.tallies import Tallies
from lamplighter.watch.score.units import Units
from lamplighter.watch.sources import Sources
from lamplighter.watch.thrown import ThrownTensors
from lamplighter.watch.world import World

# in the order in which they hear
KINDS: tuple[Callable[[World], Watcher], ...] = (
    StepOrder,
    Accumulation,
    OwnWeights,
    Modes,
    Losses,
    OwnLosses,
    DroppedSums,
    Arithmetic,
    OwnForms,
    SignedTargets,
    Spreads,
    TurnedScores,
    WeightPenalties,
    Reach,
    Cosines,
    PairsApart,
    Columns,
    Alignments,
    IgnoredClasses,
    NoiseLevels,
    DroppedAnswers,
    HeldOutRows,
    Flattened,
    Weighing,
    Cutting,
    StepsCut,
    ClassWeights,
    StillLosses,
    Models,
    Twins,
    Replaced,
    Strangers,
    Teachers,
    UnchangedNetworks,
    FrozenNorms,
    ForgetfulNorms,
    Folds,
    Freezing,
    Loaders,
    HeldOutSteps,
    Moved,
    Comparisons,
    Readings,
    Resumed,
    Feeds,
    MeasuredAgain,
    Scaling,
    EncodedMeans,
    Fed,
    ClassesByHand,
    StillSlices,
    TwoOrders,
    TablesBeside,
    ShuffledFeatures,
    Numbered,
    NamesSeen,
    NameCodes,
    SharedSets,
    SideBySide,
    TargetScales,
    EvaluatedInputs,
    HeldOut,
    Borrowed,
    Groups,
    Unsigned,
    Boxes,
    Overlaps,
    Targets,
    Choosing,
    Keeping,
    PreviousFigures,
    Schedules,
    ScheduleOwners,
    Plateaus,
    Lengths,
    Saving,
    Artifacts,
    LostStates,
    Unsaved,
    HalfSaved,
    FreshNetworks,
    BuiltOtherwise,
    SelfCopies,
    Finite,
    Rounding,
    Tallies,
    Cycles,
    Metrics,
    BatchScores,
    Perplexities,
    Answered,
    ScoreArguments,
    Units,
    EarlyReturns,
    DividedHits,
    KnownEdges,
    JoinedAnswers,
    Probes,
    OwnNorms,
    Entrance,
    GraphBatches,
    Gaps,
    HandedStates,
    Pretrained,
    Vectors,
    DroppedResults,
    ThrownTensors,
    Sources,
    GivenRates,
    UnreadSettings,
    Replicas,
    Wasted,
    Rates,
    SharedGroups,
    RenewedOptimizers,
    LossScales,
    EvaluatedNorms,
    Terms,
    LeftOut,
    RepeatedTerms,
    Partners,
    MaskedMinima,
    IdleOptimizers,
    NeverBegan,
    HandSteps,
    Starved,
    Silenced,
    Shares,
    RealSteps,
    Seeding,
    Bootstraps,
    Policies,
    ActionNumbers,
    Returns,
    LooseParameters,
    Parts,
    DoubledScores,
    GrownErrors,
    Deviations,
    Quantiles,
    Forgers,
    Leftovers,
    SameNoise,
    OneEnded,
)
